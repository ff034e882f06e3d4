import { addFour, loadColumns, storeColumns } from './store';

/** Pixels whose float32 sums are added to the float64 totals at a time. */
const BLOCK: i32 = 64;
/** Rows of a worker's room, one number a channel, its row padded to whole vectors: float32, then float64 of twice the size. */
const CENTER: usize = 0;
const SUM: usize = 1;
const SQUARES: usize = 2;
const SLOPES: usize = 3;
const ALONG: usize = 4;
const MEAN: usize = 5;
const SCALE: usize = 6;
const FACTOR: usize = 7;
const TOTALS: usize = 8;

/** Up to four floats of a row of `bytes`. */
function part(row: usize, i: usize, bytes: usize): v128 {
  return i + 16 <= bytes ? v128.load(row + i) : loadColumns(row + i, <i32>((bytes - i) >> 2));
}

function setPart(row: usize, i: usize, bytes: usize, v: v128): void {
  if (i + 16 <= bytes) v128.store(row + i, v);
  else storeColumns(row + i, v, v, <i32>((bytes - i) >> 2));
}

/**
 * Mean and scale 1 / √(variance + epsilon) of one image's groups, at the rows MEAN and SCALE of `room`, the same for all channels of a group. Each channel's
 * sums are of its distances from a center, the mean of its first pixels, so that nothing cancels where the mean is large. With dy also, in float64 behind
 * the other totals, Σ dy and Σ dy · (x - center) of each channel.
 */
function measure(
  x: usize,
  dy: usize,
  room: usize,
  row: usize,
  pixels: i32,
  channels: i32,
  groups: i32,
  epsilon: f64,
): void {
  const bytes = (<usize>channels) << 2;
  const totals = room + TOTALS * row;
  memory.fill(totals, 0, 8 * row);
  const early = min(pixels, BLOCK);
  memory.fill(room + CENTER * row, 0, row);
  for (let p = 0; p < early; p++) {
    for (let i: usize = 0; i < bytes; i += 16) addFour(room + CENTER * row + i, part(x + <usize>p * bytes, i, bytes));
  }
  for (let i: usize = 0; i < bytes; i += 16) {
    const at = room + CENTER * row + i;
    v128.store(at, f32x4.mul(v128.load(at), f32x4.splat(<f32>1 / <f32>early)));
  }
  for (let start = 0; start < pixels; start += BLOCK) {
    const stop = min(pixels, start + BLOCK);
    for (let i: usize = 0; i < bytes; i += 16) {
      const center = v128.load(room + CENTER * row + i);
      let sum = f32x4.splat(0);
      let squares = sum;
      let slopes = sum;
      let alongs = sum;
      const last = <usize>stop * bytes;
      for (let at = <usize>start * bytes; at < last; at += bytes) {
        const v = f32x4.sub(i + 16 <= bytes ? v128.load(x + at + i) : part(x + at, i, bytes), center);
        sum = f32x4.add(sum, v);
        squares = f32x4.add(squares, f32x4.mul(v, v));
        if (dy !== 0) {
          const slope = i + 16 <= bytes ? v128.load(dy + at + i) : part(dy + at, i, bytes);
          slopes = f32x4.add(slopes, slope);
          alongs = f32x4.add(alongs, f32x4.mul(slope, v));
        }
      }
      v128.store(room + SUM * row + i, sum);
      v128.store(room + SQUARES * row + i, squares);
      v128.store(room + SLOPES * row + i, slopes);
      v128.store(room + ALONG * row + i, alongs);
    }
    for (let i: usize = 0; i < 4 * row; i += 4) {
      const to = totals + 2 * i;
      store<f64>(to, load<f64>(to) + <f64>load<f32>(room + SUM * row + i));
    }
  }
  const size = channels / groups;
  const count = <f64>pixels;
  for (let g = 0; g < groups; g++) {
    let sum: f64 = 0;
    for (let c = g * size; c < (g + 1) * size; c++) sum += meanOf(room, row, totals, c, count);
    const mean = sum / <f64>size;
    let squares: f64 = 0;
    for (let c = g * size; c < (g + 1) * size; c++) {
      const own = load<f64>(totals + ((<usize>c) << 3)) / count;
      const apart = meanOf(room, row, totals, c, count) - mean;
      squares += load<f64>(totals + 2 * row + ((<usize>c) << 3)) / count - own * own + apart * apart;
    }
    const scale = <f32>(1 / Math.sqrt(max(squares, 0) / <f64>size + epsilon));
    for (let c = g * size; c < (g + 1) * size; c++) {
      store<f32>(room + MEAN * row + ((<usize>c) << 2), <f32>mean);
      store<f32>(room + SCALE * row + ((<usize>c) << 2), scale);
    }
  }
}

function meanOf(room: usize, row: usize, totals: usize, c: i32, count: f64): f64 {
  return <f64>load<f32>(room + CENTER * row + ((<usize>c) << 2)) + load<f64>(totals + ((<usize>c) << 3)) / count;
}

/**
 * y = (x - mean) / √(variance + epsilon) · weight + bias of each image and group of channels. `room` has 16 rows of whole vectors of channels for each
 * worker. Units: images.
 */
export function groupNormImages(
  x: usize,
  weight: usize,
  bias: usize,
  y: usize,
  room: usize,
  pixels: i32,
  channels: i32,
  groups: i32,
  epsilon: f64,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const bytes = (<usize>channels) << 2;
  const whole = bytes & ~15;
  const row = (bytes + 15) & ~15;
  room += <usize>worker * 16 * row;
  const means = room + MEAN * row;
  const factors = room + FACTOR * row;
  for (let n = begin; n < end; n++) {
    const image = <usize>n * <usize>pixels * bytes;
    measure(x + image, 0, room, row, pixels, channels, groups, epsilon);
    for (let i: usize = 0; i < bytes; i += 4) {
      store<f32>(factors + i, load<f32>(room + SCALE * row + i) * load<f32>(weight + i));
    }
    for (let p = 0; p < pixels; p++) {
      const at = image + <usize>p * bytes;
      for (let i: usize = 0; i < whole; i += 16) {
        const centered = f32x4.sub(v128.load(x + at + i), v128.load(means + i));
        v128.store(y + at + i, f32x4.add(f32x4.mul(centered, v128.load(factors + i)), v128.load(bias + i)));
      }
      if (whole < bytes) {
        const centered = f32x4.sub(part(x + at, whole, bytes), v128.load(means + whole));
        const scaled = f32x4.mul(centered, v128.load(factors + whole));
        setPart(y + at, whole, bytes, f32x4.add(scaled, part(bias, whole, bytes)));
      }
    }
  }
}

/**
 * What the gradients share, of each image [4, channels]: Σ dy, Σ dy · n with n the normalized x, the mean and the scale of the channel's group.
 * `room` as for {@link groupNormImages}. Units: images.
 */
export function groupNormSums(
  dy: usize,
  x: usize,
  sums: usize,
  room: usize,
  pixels: i32,
  channels: i32,
  groups: i32,
  epsilon: f64,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const bytes = (<usize>channels) << 2;
  const row = (bytes + 15) & ~15;
  room += <usize>worker * 16 * row;
  for (let n = begin; n < end; n++) {
    const image = <usize>n * <usize>pixels * bytes;
    measure(x + image, dy + image, room, row, pixels, channels, groups, epsilon);
    const to = sums + <usize>n * 4 * bytes;
    const slopes = room + TOTALS * row + 4 * row;
    for (let i: usize = 0; i < bytes; i += 4) {
      const mean = load<f32>(room + MEAN * row + i);
      const scale = load<f32>(room + SCALE * row + i);
      const slope = load<f64>(slopes + 2 * i);
      const off = <f64>mean - <f64>load<f32>(room + CENTER * row + i);
      store<f32>(to + i, <f32>slope);
      store<f32>(to + bytes + i, <f32>((load<f64>(slopes + 2 * row + 2 * i) - off * slope) * <f64>scale));
      store<f32>(to + 2 * bytes + i, mean);
      store<f32>(to + 3 * bytes + i, scale);
    }
  }
}

/**
 * dx = scale · (dy · weight - mean(dy · weight) - n · mean(dy · weight · n)), the means over image and group, from the sums that {@link groupNormSums}
 * gives. `room` as there. Units: images.
 */
export function groupNormGradImages(
  dy: usize,
  x: usize,
  weight: usize,
  sums: usize,
  dx: usize,
  room: usize,
  pixels: i32,
  channels: i32,
  groups: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const bytes = (<usize>channels) << 2;
  const whole = bytes & ~15;
  const row = (bytes + 15) & ~15;
  room += <usize>worker * 16 * row;
  const factors = room;
  const shifts = room + row;
  const alongs = room + 2 * row;
  const means = room + 3 * row;
  const size = channels / groups;
  const count = <f64>pixels * <f64>size;
  for (let n = begin; n < end; n++) {
    const image = <usize>n * <usize>pixels * bytes;
    const own = sums + <usize>n * 4 * bytes;
    for (let g = 0; g < groups; g++) {
      const first = (<usize>(g * size)) << 2;
      const stop = (<usize>((g + 1) * size)) << 2;
      let shift: f64 = 0;
      let along: f64 = 0;
      for (let i = first; i < stop; i += 4) {
        const factor = <f64>load<f32>(weight + i);
        shift += factor * <f64>load<f32>(own + i);
        along += factor * <f64>load<f32>(own + bytes + i);
      }
      for (let i = first; i < stop; i += 4) {
        const scale = <f64>load<f32>(own + 3 * bytes + i);
        store<f32>(factors + i, <f32>(scale * <f64>load<f32>(weight + i)));
        store<f32>(shifts + i, <f32>((scale * shift) / count));
        store<f32>(alongs + i, <f32>((scale * scale * along) / count));
        store<f32>(means + i, load<f32>(own + 2 * bytes + i));
      }
    }
    for (let p = 0; p < pixels; p++) {
      const at = image + <usize>p * bytes;
      for (let i: usize = 0; i < whole; i += 16) {
        const centered = f32x4.sub(v128.load(x + at + i), v128.load(means + i));
        const slope = f32x4.sub(f32x4.mul(v128.load(dy + at + i), v128.load(factors + i)), v128.load(shifts + i));
        v128.store(dx + at + i, f32x4.sub(slope, f32x4.mul(centered, v128.load(alongs + i))));
      }
      if (whole < bytes) {
        const centered = f32x4.sub(part(x + at, whole, bytes), v128.load(means + whole));
        const scaled = f32x4.mul(part(dy + at, whole, bytes), v128.load(factors + whole));
        const slope = f32x4.sub(scaled, v128.load(shifts + whole));
        setPart(dx + at, whole, bytes, f32x4.sub(slope, f32x4.mul(centered, v128.load(alongs + whole))));
      }
    }
  }
}
