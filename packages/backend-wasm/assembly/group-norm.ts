import { sumLanes } from './store';

/** Pixels whose float32 sums are added to the float64 total at a time. */
const BLOCK: i32 = 64;

/** Σ a[i] · b[i] over the channels [0, bytes) of all pixels; Σ a[i] when b is 0; Σ (a[i] - center)² when squared. */
function sumGroup(a: usize, b: usize, pixels: i32, pixel: usize, bytes: usize, center: f32, squared: bool): f64 {
  const vectors = bytes & ~15;
  const middle = f32x4.splat(center);
  let total: f64 = 0;
  for (let start = 0; start < pixels; start += BLOCK) {
    const stop = min(pixels, start + BLOCK);
    let lanes = f32x4.splat(0);
    let rest: f32 = 0;
    for (let p = start; p < stop; p++) {
      const at = <usize>p * pixel;
      let i: usize = 0;
      for (; i < vectors; i += 16) {
        let v = v128.load(a + at + i);
        if (squared) {
          v = f32x4.sub(v, middle);
          v = f32x4.mul(v, v);
        } else if (b !== 0) {
          v = f32x4.mul(v, f32x4.sub(v128.load(b + at + i), middle));
        }
        lanes = f32x4.add(lanes, v);
      }
      for (; i < bytes; i += 4) {
        let v = load<f32>(a + at + i);
        if (squared) {
          v -= center;
          v *= v;
        } else if (b !== 0) {
          v *= load<f32>(b + at + i) - center;
        }
        rest += v;
      }
    }
    total += <f64>(sumLanes(lanes) + rest);
  }
  return total;
}

/** y = (x - mean) / √(variance + epsilon) of each image and group of channels. Units: images. */
export function groupNormImages(
  x: usize,
  y: usize,
  pixels: i32,
  channels: i32,
  groups: i32,
  epsilon: f64,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const pixel = (<usize>channels) << 2;
  const bytes = pixel / <usize>groups;
  const vectors = bytes & ~15;
  const count = <f64>pixels * <f64>(channels / groups);
  for (let n = begin; n < end; n++) {
    for (let g = 0; g < groups; g++) {
      const offset = <usize>n * <usize>pixels * pixel + <usize>g * bytes;
      const from = x + offset;
      const mean = <f32>(sumGroup(from, 0, pixels, pixel, bytes, 0, false) / count);
      const scale = <f32>(1 / Math.sqrt(sumGroup(from, 0, pixels, pixel, bytes, mean, true) / count + epsilon));
      for (let p = 0; p < pixels; p++) {
        const at = offset + <usize>p * pixel;
        let i: usize = 0;
        for (; i < vectors; i += 16) {
          const centered = f32x4.sub(v128.load(x + at + i), f32x4.splat(mean));
          v128.store(y + at + i, f32x4.mul(centered, f32x4.splat(scale)));
        }
        for (; i < bytes; i += 4) store<f32>(y + at + i, (load<f32>(x + at + i) - mean) * scale);
      }
    }
  }
}

/** dx = scale · (dy - mean(dy) - y · mean(dy · y)). Units: images. */
export function groupNormGradImages(
  dy: usize,
  x: usize,
  dx: usize,
  pixels: i32,
  channels: i32,
  groups: i32,
  epsilon: f64,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const pixel = (<usize>channels) << 2;
  const bytes = pixel / <usize>groups;
  const vectors = bytes & ~15;
  const count = <f64>pixels * <f64>(channels / groups);
  for (let n = begin; n < end; n++) {
    for (let g = 0; g < groups; g++) {
      const offset = <usize>n * <usize>pixels * pixel + <usize>g * bytes;
      const from = x + offset;
      const mean = <f32>(sumGroup(from, 0, pixels, pixel, bytes, 0, false) / count);
      const scale = 1 / Math.sqrt(sumGroup(from, 0, pixels, pixel, bytes, mean, true) / count + epsilon);
      const shift = <f32>(sumGroup(dy + offset, 0, pixels, pixel, bytes, 0, false) / count);
      const along = <f32>((sumGroup(dy + offset, from, pixels, pixel, bytes, mean, false) / count) * scale * scale);
      for (let p = 0; p < pixels; p++) {
        const at = offset + <usize>p * pixel;
        let i: usize = 0;
        for (; i < vectors; i += 16) {
          const centered = f32x4.sub(v128.load(x + at + i), f32x4.splat(mean));
          const slope = f32x4.sub(
            f32x4.sub(v128.load(dy + at + i), f32x4.splat(shift)),
            f32x4.mul(centered, f32x4.splat(along)),
          );
          v128.store(dx + at + i, f32x4.mul(slope, f32x4.splat(<f32>scale)));
        }
        for (; i < bytes; i += 4) {
          const slope = load<f32>(dy + at + i) - shift - (load<f32>(x + at + i) - mean) * along;
          store<f32>(dx + at + i, slope * <f32>scale);
        }
      }
    }
  }
}
