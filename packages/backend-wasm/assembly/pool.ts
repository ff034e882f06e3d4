/**
 * The window of one output position: where it begins, and its first and one-past-last taps that lie inside the input. With
 * dilation d, tap k is at start + k · d.
 */
function firstTap(start: i32, dilation: i32): i32 {
  return start >= 0 ? 0 : (-start + dilation - 1) / dilation;
}

function lastTap(start: i32, size: i32, dilation: i32, taps: i32): i32 {
  return start >= size ? 0 : min(taps, (size - start + dilation - 1) / dilation);
}

/** Maximum pooling, channels last. NaN in a window gives NaN. Units: images. */
export function maxPoolImages(
  x: usize,
  out: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  filterHeight: i32,
  filterWidth: i32,
  strideY: i32,
  strideX: i32,
  dilationY: i32,
  dilationX: i32,
  top: i32,
  left: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const pixel = (<usize>channels) << 2;
  const vectors = pixel & ~15;
  const row = <usize>width * pixel;
  for (let n = begin; n < end; n++) {
    const image = x + <usize>n * <usize>height * row;
    let to = out + <usize>n * <usize>(outHeight * outWidth) * pixel;
    for (let oy = 0; oy < outHeight; oy++) {
      const y0 = oy * strideY - top;
      const ky0 = firstTap(y0, dilationY);
      const ky1 = lastTap(y0, height, dilationY, filterHeight);
      for (let ox = 0; ox < outWidth; ox++) {
        const x0 = ox * strideX - left;
        const kx0 = firstTap(x0, dilationX);
        const kx1 = lastTap(x0, width, dilationX, filterWidth);
        let c: usize = 0;
        for (; c < vectors; c += 16) {
          let best = f32x4.splat(-Infinity);
          for (let ky = ky0; ky < ky1; ky++) {
            const from = image + <usize>(y0 + ky * dilationY) * row + c;
            for (let kx = kx0; kx < kx1; kx++) {
              best = f32x4.max(best, v128.load(from + <usize>(x0 + kx * dilationX) * pixel));
            }
          }
          v128.store(to + c, best);
        }
        for (; c < pixel; c += 4) {
          let best: f32 = -Infinity;
          for (let ky = ky0; ky < ky1; ky++) {
            const from = image + <usize>(y0 + ky * dilationY) * row + c;
            for (let kx = kx0; kx < kx1; kx++) {
              best = max(best, load<f32>(from + <usize>(x0 + kx * dilationX) * pixel));
            }
          }
          store<f32>(to + c, best);
        }
        to += pixel;
      }
    }
  }
}

/**
 * Gradient of maximum pooling: each element of dy goes to the first element of its window, row by row, that equals the maximum.
 * A window whose maximum is NaN passes nothing on. Units: images.
 */
export function maxPoolGradImages(
  x: usize,
  dy: usize,
  dx: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  filterHeight: i32,
  filterWidth: i32,
  strideY: i32,
  strideX: i32,
  dilationY: i32,
  dilationX: i32,
  top: i32,
  left: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const pixel = (<usize>channels) << 2;
  const vectors = pixel & ~15;
  const row = <usize>width * pixel;
  const imageBytes = <usize>height * row;
  for (let n = begin; n < end; n++) {
    const image = x + <usize>n * imageBytes;
    const slope = dx + <usize>n * imageBytes;
    let from = dy + <usize>n * <usize>(outHeight * outWidth) * pixel;
    memory.fill(slope, 0, imageBytes);
    for (let oy = 0; oy < outHeight; oy++) {
      const y0 = oy * strideY - top;
      const ky0 = firstTap(y0, dilationY);
      const ky1 = lastTap(y0, height, dilationY, filterHeight);
      for (let ox = 0; ox < outWidth; ox++) {
        const x0 = ox * strideX - left;
        const kx0 = firstTap(x0, dilationX);
        const kx1 = lastTap(x0, width, dilationX, filterWidth);
        let c: usize = 0;
        for (; c < vectors; c += 16) {
          let best = f32x4.splat(-Infinity);
          for (let ky = ky0; ky < ky1; ky++) {
            const at = <usize>(y0 + ky * dilationY) * row + c;
            for (let kx = kx0; kx < kx1; kx++) {
              best = f32x4.max(best, v128.load(image + at + <usize>(x0 + kx * dilationX) * pixel));
            }
          }
          // The lanes of dy that have not found their element yet.
          const rest = v128.load(from + c);
          let open = i32x4.splat(-1);
          for (let ky = ky0; ky < ky1; ky++) {
            const at = <usize>(y0 + ky * dilationY) * row + c;
            for (let kx = kx0; kx < kx1; kx++) {
              const offset = at + <usize>(x0 + kx * dilationX) * pixel;
              const hit = v128.and(open, f32x4.eq(v128.load(image + offset), best));
              open = v128.andnot(open, hit);
              v128.store(slope + offset, f32x4.add(v128.load(slope + offset), v128.and(rest, hit)));
            }
          }
        }
        for (; c < pixel; c += 4) {
          let best: f32 = -Infinity;
          for (let ky = ky0; ky < ky1; ky++) {
            const at = <usize>(y0 + ky * dilationY) * row + c;
            for (let kx = kx0; kx < kx1; kx++) {
              best = max(best, load<f32>(image + at + <usize>(x0 + kx * dilationX) * pixel));
            }
          }
          let open = true;
          for (let ky = ky0; ky < ky1 && open; ky++) {
            const at = <usize>(y0 + ky * dilationY) * row + c;
            for (let kx = kx0; kx < kx1 && open; kx++) {
              const offset = at + <usize>(x0 + kx * dilationX) * pixel;
              if (load<f32>(image + offset) !== best) continue;
              store<f32>(slope + offset, load<f32>(slope + offset) + load<f32>(from + c));
              open = false;
            }
          }
        }
        from += pixel;
      }
    }
  }
}

/** maxPoolImages for windows of 2 × 2 side by side, no padding, channels a multiple of 4. Units: images. */
export function maxPool2Images(
  x: usize,
  out: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const pixel = (<usize>channels) << 2;
  const row = <usize>width * pixel;
  let to = out + <usize>(begin * outHeight * outWidth) * pixel;
  for (let n = begin; n < end; n++) {
    const image = x + <usize>n * <usize>height * row;
    for (let oy = 0; oy < outHeight; oy++) {
      let from = image + <usize>(2 * oy) * row;
      for (let ox = 0; ox < outWidth; ox++) {
        for (let c: usize = 0; c < pixel; c += 16) {
          const at = from + c;
          const upper = f32x4.max(v128.load(at), v128.load(at + pixel));
          const lower = f32x4.max(v128.load(at + row), v128.load(at + row + pixel));
          v128.store(to + c, f32x4.max(upper, lower));
        }
        from += 2 * pixel;
        to += pixel;
      }
    }
  }
}

/** maxPoolGradImages for the same windows. Units: images. */
export function maxPool2GradImages(
  x: usize,
  dy: usize,
  dx: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const pixel = (<usize>channels) << 2;
  const row = <usize>width * pixel;
  const imageBytes = <usize>height * row;
  let from = dy + <usize>(begin * outHeight * outWidth) * pixel;
  for (let n = begin; n < end; n++) {
    const image = x + <usize>n * imageBytes;
    const slope = dx + <usize>n * imageBytes;
    // The windows cover everything but a last odd row and column.
    if (2 * outHeight < height || 2 * outWidth < width) memory.fill(slope, 0, imageBytes);
    for (let oy = 0; oy < outHeight; oy++) {
      let offset = <usize>(2 * oy) * row;
      for (let ox = 0; ox < outWidth; ox++) {
        for (let c: usize = 0; c < pixel; c += 16) {
          const at = image + offset + c;
          const a = v128.load(at);
          const b = v128.load(at + pixel);
          const d = v128.load(at + row);
          const e = v128.load(at + row + pixel);
          const best = f32x4.max(f32x4.max(a, b), f32x4.max(d, e));
          let rest = v128.load(from + c);
          const to = slope + offset + c;
          const first = v128.and(rest, f32x4.eq(a, best));
          rest = v128.andnot(rest, f32x4.eq(a, best));
          const second = v128.and(rest, f32x4.eq(b, best));
          rest = v128.andnot(rest, f32x4.eq(b, best));
          const third = v128.and(rest, f32x4.eq(d, best));
          rest = v128.andnot(rest, f32x4.eq(d, best));
          v128.store(to, first);
          v128.store(to + pixel, second);
          v128.store(to + row, third);
          v128.store(to + row + pixel, v128.and(rest, f32x4.eq(e, best)));
        }
        offset += 2 * pixel;
        from += pixel;
      }
    }
  }
}
