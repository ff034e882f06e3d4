/**
 * The discrete Fourier transform of four lanes at once, in place: `size` complex numbers of 32 bytes, the real parts of the lanes and then the imaginary ones, in
 * bit-reversed order before and in order after. `size` is a power of two; number k at `turns` is e^(-2πi k / (2 · size)), two floats.
 */
export function fft(data: usize, size: i32, turns: usize): void {
  const end = data + ((<usize>size) << 5);
  let half = 1;
  // Two branches where the power is odd, all others four at a time.
  if ((ctz(size) & 1) !== 0) {
    for (let p = data; p < end; p += 64) {
      const ar = v128.load(p);
      const ai = v128.load(p, 16);
      const br = v128.load(p, 32);
      const bi = v128.load(p, 48);
      v128.store(p, f32x4.add(ar, br));
      v128.store(p, f32x4.add(ai, bi), 16);
      v128.store(p, f32x4.sub(ar, br), 32);
      v128.store(p, f32x4.sub(ai, bi), 48);
    }
    half = 2;
  }
  for (; half < size; half <<= 2) {
    const apart = (<usize>half) << 5;
    const turn = (<usize>(size / (half << 1))) << 3;
    for (let i = 0; i < half; i++) {
      const once = turns + <usize>i * turn;
      const c1 = v128.load32_splat(once);
      const s1 = v128.load32_splat(once, 4);
      const twice = turns + <usize>(2 * i) * turn;
      const c2 = v128.load32_splat(twice);
      const s2 = v128.load32_splat(twice, 4);
      const thrice = turns + <usize>(3 * i) * turn;
      const c3 = v128.load32_splat(thrice);
      const s3 = v128.load32_splat(thrice, 4);
      for (let p = data + ((<usize>i) << 5); p < end; p += apart << 2) {
        const q = p + apart;
        const r = q + apart;
        const s = r + apart;
        const ar = v128.load(p);
        const ai = v128.load(p, 16);
        let xr = v128.load(q);
        let xi = v128.load(q, 16);
        const br = f32x4.sub(f32x4.mul(xr, c2), f32x4.mul(xi, s2));
        const bi = f32x4.add(f32x4.mul(xr, s2), f32x4.mul(xi, c2));
        xr = v128.load(r);
        xi = v128.load(r, 16);
        const cr = f32x4.sub(f32x4.mul(xr, c1), f32x4.mul(xi, s1));
        const ci = f32x4.add(f32x4.mul(xr, s1), f32x4.mul(xi, c1));
        xr = v128.load(s);
        xi = v128.load(s, 16);
        const dr = f32x4.sub(f32x4.mul(xr, c3), f32x4.mul(xi, s3));
        const di = f32x4.add(f32x4.mul(xr, s3), f32x4.mul(xi, c3));
        const er = f32x4.add(ar, br);
        const ei = f32x4.add(ai, bi);
        const fr = f32x4.sub(ar, br);
        const fi = f32x4.sub(ai, bi);
        const gr = f32x4.add(cr, dr);
        const gi = f32x4.add(ci, di);
        const hr = f32x4.sub(cr, dr);
        const hi = f32x4.sub(ci, di);
        v128.store(p, f32x4.add(er, gr));
        v128.store(p, f32x4.add(ei, gi), 16);
        v128.store(q, f32x4.add(fr, hi));
        v128.store(q, f32x4.sub(fi, hr), 16);
        v128.store(r, f32x4.sub(er, gr));
        v128.store(r, f32x4.sub(ei, gi), 16);
        v128.store(s, f32x4.sub(fr, hi));
        v128.store(s, f32x4.add(fi, hr), 16);
      }
    }
  }
}

/**
 * From the transform of `size` pairs of real numbers, taken as complex ones, to that of the 2 · size numbers: frequencies 0 … size.
 */
export function untangle(data: usize, spectrum: usize, size: i32, turns: usize): void {
  const half = f32x4.splat(0.5);
  for (let k = 0; k <= size; k++) {
    const a = data + ((<usize>(k & (size - 1))) << 5);
    const b = data + ((<usize>((size - k) & (size - 1))) << 5);
    const ar = v128.load(a);
    const ai = v128.load(a, 16);
    const br = v128.load(b);
    const bi = v128.load(b, 16);
    const c = v128.load32_splat(turns + ((<usize>k) << 3));
    const s = v128.load32_splat(turns + ((<usize>k) << 3), 4);
    const evenR = f32x4.add(ar, br);
    const evenI = f32x4.sub(ai, bi);
    const oddR = f32x4.add(ai, bi);
    const oddI = f32x4.sub(br, ar);
    const to = spectrum + ((<usize>k) << 5);
    v128.store(to, f32x4.mul(half, f32x4.add(evenR, f32x4.sub(f32x4.mul(c, oddR), f32x4.mul(s, oddI)))));
    v128.store(to, f32x4.mul(half, f32x4.add(evenI, f32x4.add(f32x4.mul(c, oddI), f32x4.mul(s, oddR)))), 16);
  }
}

/**
 * The adjoint of real numbers → frequencies, up to {@link fft}: from slopes of frequencies 0 … size to what, transformed, has the slope of number 2m as
 * imaginary and of number 2m + 1 as real part of place m. `order` says where places go, in bytes. Changes the first and the last slope.
 */
export function tangle(spectrum: usize, data: usize, size: i32, turns: usize, order: usize): void {
  const half = f32x4.splat(0.5);
  const zero = f32x4.splat(0);
  const last = spectrum + ((<usize>size) << 5);
  v128.store(spectrum, f32x4.add(v128.load(spectrum), v128.load(spectrum)));
  v128.store(spectrum, zero, 16);
  v128.store(last, f32x4.add(v128.load(last), v128.load(last)));
  v128.store(last, zero, 16);
  for (let k = 0; k < size; k++) {
    const a = spectrum + ((<usize>k) << 5);
    const b = last - ((<usize>k) << 5);
    const ar = v128.load(a);
    const ai = v128.load(a, 16);
    const br = v128.load(b);
    const bi = v128.load(b, 16);
    const c = v128.load32_splat(turns + ((<usize>k) << 3));
    const s = v128.load32_splat(turns + ((<usize>k) << 3), 4);
    const differenceR = f32x4.sub(ar, br);
    const differenceI = f32x4.add(ai, bi);
    const oddR = f32x4.add(f32x4.mul(differenceR, c), f32x4.mul(differenceI, s));
    const oddI = f32x4.sub(f32x4.mul(differenceI, c), f32x4.mul(differenceR, s));
    const to = data + <usize>load<u32>(order + ((<usize>k) << 2));
    v128.store(to, f32x4.mul(half, f32x4.add(f32x4.sub(ai, bi), oddR)));
    v128.store(to, f32x4.mul(half, f32x4.sub(f32x4.add(ar, br), oddI)), 16);
  }
}
