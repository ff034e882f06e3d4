// The five matrices of assembly/winograd.ts, each times the vectors at `from`, `from + s1` …; results go to `to`, `to + step` …
//
// A call inside a kernel's loops costs as much as a row, and a function is compiled into its caller only where it is the only one. So each pass has its own
// instance of a row's type: f32 for columns, the first pass, and i32 for rows, the second, whose vectors lie beside each other.

/** to = Bᵀ · from: six vectors of six. */
export function inputRow<Pass>(
  from: usize,
  s1: usize,
  s2: usize,
  s3: usize,
  s4: usize,
  s5: usize,
  to: usize,
  step: usize,
): void {
  const d0 = v128.load(from);
  const d1 = isFloat<Pass>() ? v128.load(from + s1) : v128.load(from, 16);
  const d2 = isFloat<Pass>() ? v128.load(from + s2) : v128.load(from, 32);
  const d3 = isFloat<Pass>() ? v128.load(from + s3) : v128.load(from, 48);
  const d4 = isFloat<Pass>() ? v128.load(from + s4) : v128.load(from, 64);
  const d5 = isFloat<Pass>() ? v128.load(from + s5) : v128.load(from, 80);
  const half = f32x4.splat(0.5);
  const more = f32x4.splat(1.5);
  const u = f32x4.sub(d4, d2);
  const v = f32x4.sub(d3, d1);
  const a = f32x4.add(u, f32x4.mul(more, d3));
  const b = f32x4.add(v, f32x4.mul(more, d2));
  v128.store(to, f32x4.add(f32x4.sub(d0, d2), f32x4.add(u, f32x4.mul(more, v))));
  v128.store(to + step, f32x4.add(a, b));
  v128.store(to + 2 * step, f32x4.sub(a, b));
  v128.store(to + 3 * step, f32x4.add(u, f32x4.add(v, v)));
  v128.store(to + 4 * step, f32x4.sub(u, f32x4.mul(half, v)));
  v128.store(to + 5 * step, f32x4.add(f32x4.sub(d5, d3), f32x4.sub(f32x4.mul(more, u), v)));
}

/** to = Aᵀ · from, and in the second pass `offset`: four vectors of six. */
export function outputRow<Pass>(
  from: usize,
  s1: usize,
  s2: usize,
  s3: usize,
  s4: usize,
  s5: usize,
  offset: v128,
  to: usize,
  step: usize,
): void {
  const m0 = v128.load(from);
  const m1 = isFloat<Pass>() ? v128.load(from + s1) : v128.load(from, 16);
  const m2 = isFloat<Pass>() ? v128.load(from + s2) : v128.load(from, 32);
  const m3 = isFloat<Pass>() ? v128.load(from + s3) : v128.load(from, 48);
  const m4 = isFloat<Pass>() ? v128.load(from + s4) : v128.load(from, 64);
  const m5 = isFloat<Pass>() ? v128.load(from + s5) : v128.load(from, 80);
  const sum = f32x4.add(m1, m2);
  const difference = f32x4.sub(m1, m2);
  const half = f32x4.mul(m3, f32x4.splat(0.5));
  const quarter = f32x4.mul(m3, f32x4.splat(0.25));
  const eighth = f32x4.mul(m3, f32x4.splat(0.125));
  const twice = f32x4.add(m4, m4);
  const four = f32x4.add(twice, twice);
  let y0 = f32x4.add(f32x4.add(m0, sum), f32x4.add(m3, m4));
  let y1 = f32x4.add(difference, f32x4.sub(half, twice));
  let y2 = f32x4.add(sum, f32x4.add(quarter, four));
  let y3 = f32x4.add(f32x4.add(difference, m5), f32x4.sub(eighth, f32x4.add(four, four)));
  if (isInteger<Pass>()) {
    y0 = f32x4.add(y0, offset);
    y1 = f32x4.add(y1, offset);
    y2 = f32x4.add(y2, offset);
    y3 = f32x4.add(y3, offset);
  }
  v128.store(to, y0);
  v128.store(to + step, y1);
  v128.store(to + 2 * step, y2);
  v128.store(to + 3 * step, y3);
}

/** to = A · from: six vectors of four, the adjoint of {@link outputRow}. */
export function slopeRow<Pass>(from: usize, s1: usize, s2: usize, s3: usize, to: usize, step: usize): void {
  const y0 = v128.load(from);
  const y1 = isFloat<Pass>() ? v128.load(from + s1) : v128.load(from, 16);
  const y2 = isFloat<Pass>() ? v128.load(from + s2) : v128.load(from, 32);
  const y3 = isFloat<Pass>() ? v128.load(from + s3) : v128.load(from, 48);
  const even = f32x4.add(y0, y2);
  const odd = f32x4.add(y1, y3);
  const small = f32x4.add(y0, f32x4.mul(y2, f32x4.splat(0.25)));
  const smallOdd = f32x4.add(f32x4.mul(y1, f32x4.splat(0.5)), f32x4.mul(y3, f32x4.splat(0.125)));
  const large = f32x4.add(y0, f32x4.mul(y2, f32x4.splat(4)));
  const largeOdd = f32x4.add(f32x4.add(y1, y1), f32x4.mul(y3, f32x4.splat(8)));
  v128.store(to, y0);
  v128.store(to + step, f32x4.add(even, odd));
  v128.store(to + 2 * step, f32x4.sub(even, odd));
  v128.store(to + 3 * step, f32x4.add(small, smallOdd));
  v128.store(to + 4 * step, f32x4.sub(large, largeOdd));
  v128.store(to + 5 * step, y3);
}

// Filters are few: these two are called.

/** to = G · from: six vectors of three. */
export function filterRow(from: usize, step: usize, to: usize, toStep: usize): void {
  const g0 = v128.load(from);
  const g1 = v128.load(from + step);
  const g2 = v128.load(from + 2 * step);
  const third = f32x4.splat(<f32>(1.0 / 3.0));
  const even = f32x4.mul(f32x4.add(g0, g2), third);
  const odd = f32x4.mul(g1, third);
  const small = f32x4.add(g0, f32x4.add(f32x4.mul(g1, f32x4.splat(0.5)), f32x4.mul(g2, f32x4.splat(0.25))));
  const large = f32x4.sub(f32x4.add(g0, f32x4.mul(g2, f32x4.splat(4))), f32x4.add(g1, g1));
  v128.store(to, g0);
  v128.store(to + toStep, f32x4.add(even, odd));
  v128.store(to + 2 * toStep, f32x4.sub(odd, even));
  v128.store(to + 3 * toStep, f32x4.mul(small, f32x4.splat(<f32>(-16.0 / 15.0))));
  v128.store(to + 4 * toStep, f32x4.mul(large, f32x4.splat(<f32>(1.0 / 15.0))));
  v128.store(to + 5 * toStep, g2);
}

/** to = Gᵀ · from: three vectors of six, the adjoint of {@link filterRow}. */
export function filterSlopeRow(from: usize, step: usize, to: usize, toStep: usize): void {
  const m0 = v128.load(from);
  const third = f32x4.splat(<f32>(1.0 / 3.0));
  const m1 = f32x4.mul(v128.load(from + step), third);
  const m2 = f32x4.mul(v128.load(from + 2 * step), third);
  const m3 = f32x4.mul(v128.load(from + 3 * step), f32x4.splat(<f32>(-16.0 / 15.0)));
  const m4 = f32x4.mul(v128.load(from + 4 * step), f32x4.splat(<f32>(1.0 / 15.0)));
  const m5 = v128.load(from + 5 * step);
  const difference = f32x4.sub(m1, m2);
  v128.store(to, f32x4.add(f32x4.add(m0, difference), f32x4.add(m3, m4)));
  v128.store(to + toStep, f32x4.add(f32x4.add(m1, m2), f32x4.sub(f32x4.mul(m3, f32x4.splat(0.5)), f32x4.add(m4, m4))));
  v128.store(
    to + 2 * toStep,
    f32x4.add(f32x4.add(difference, m5), f32x4.add(f32x4.mul(m3, f32x4.splat(0.25)), f32x4.mul(m4, f32x4.splat(4)))),
  );
}
