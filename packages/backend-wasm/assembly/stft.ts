import { fft, tangle, untangle } from './fft';
import { addFour } from './store';

/**
 * Short-time Fourier transforms of the rows of x [rows, samples], four windows at a time, a lane for each. Window t begins `before` samples before t · hop;
 * beyond its ends the row is reflected. `real` and `imaginary` are [rows, frames, fftSize / 2 + 1]; with imaginary = 0, `real` gets √max(re² + im², floor).
 *
 * `tables` has the fftSize weights of the window, fftSize turns as {@link fft} has them, and for each pair of samples where it goes, in bytes. `room` is
 * stftRoom bytes for each worker. Units: groups of four windows, ⌈frames / 4⌉ of each row.
 */
export function stftFrames(
  x: usize,
  real: usize,
  imaginary: usize,
  floor: f32,
  tables: usize,
  room: usize,
  roomBytes: i32,
  samples: i32,
  fftSize: i32,
  hop: i32,
  before: i32,
  frames: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  room += <usize>worker * <usize>roomBytes;
  const half = fftSize >> 1;
  const spectrum = room + ((<usize>(half + 1)) << 5);
  const groups = (frames + 3) >> 2;
  const line = (<usize>(half + 1)) << 2;
  const least = f32x4.splat(floor);
  for (let unit = begin; unit < end; unit++) {
    const row = unit / groups;
    const first = (unit % groups) << 2;
    const lanes = min(4, frames - first);
    transform(x + ((<usize>row * <usize>samples) << 2), tables, room, samples, fftSize, hop, before, first, lanes);
    const at = <usize>(row * frames + first) * line;
    if (imaginary !== 0) {
      storeLanes(spectrum, real + at, line, half, lanes);
      storeLanes(spectrum + 16, imaginary + at, line, half, lanes);
      continue;
    }
    for (let k = 0; k <= half; k++) {
      const p = spectrum + ((<usize>k) << 5);
      v128.store(p, f32x4.sqrt(f32x4.max(powerAt(p), least)));
    }
    storeLanes(spectrum, real + at, line, half, lanes);
  }
}

/**
 * The adjoint: dx [rows, samples] from the slopes of `real` and `imaginary`, or with imaginary = 0 from those of the magnitudes of x (else unused), where the floor
 * holds no slope. Windows are added up in their order. `room` has stftRoom bytes and 4 · (samples + 2 · before) for each worker. Units: rows.
 */
export function stftRows(
  x: usize,
  real: usize,
  imaginary: usize,
  dx: usize,
  floor: f32,
  tables: usize,
  room: usize,
  roomBytes: i32,
  samples: i32,
  fftSize: i32,
  hop: i32,
  before: i32,
  frames: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  room += <usize>worker * <usize>roomBytes;
  const half = fftSize >> 1;
  const spectrum = room + ((<usize>(half + 1)) << 5);
  const whole = room + <usize>stftRoom(fftSize);
  const wholeBytes = (<usize>(samples + 2 * before)) << 2;
  const turns = tables + ((<usize>fftSize) << 2);
  const order = turns + ((<usize>fftSize) << 3);
  const line = (<usize>(half + 1)) << 2;
  const rowBytes = (<usize>samples) << 2;
  const least = f32x4.splat(floor);
  for (let row = begin; row < end; row++) {
    memory.fill(whole, 0, wholeBytes);
    for (let first = 0; first < frames; first += 4) {
      const lanes = min(4, frames - first);
      const at = <usize>(row * frames + first) * line;
      if (imaginary !== 0) {
        loadLanes(real + at, line, spectrum, half, lanes);
        loadLanes(imaginary + at, line, spectrum + 16, half, lanes);
      } else {
        transform(x + <usize>row * rowBytes, tables, room, samples, fftSize, hop, before, first, lanes);
        // The transform's input is not needed any more.
        loadLanes(real + at, line, room, half, lanes);
        for (let k = 0; k <= half; k++) {
          const p = spectrum + ((<usize>k) << 5);
          const power = powerAt(p);
          const slope = f32x4.div(v128.load(room + ((<usize>k) << 5)), f32x4.sqrt(f32x4.max(power, least)));
          const scale = v128.and(slope, f32x4.gt(power, least));
          v128.store(p, f32x4.mul(v128.load(p), scale));
          v128.store(p, f32x4.mul(v128.load(p, 16), scale), 16);
        }
      }
      tangle(spectrum, room, half, turns, order);
      fft(room, half, turns);
      addWindows(room, tables, whole + ((<usize>(first * hop)) << 2), fftSize, (<usize>hop) << 2, lanes);
    }
    const out = dx + <usize>row * rowBytes;
    memory.copy(out, whole + ((<usize>before) << 2), rowBytes);
    const lastOut = out + rowBytes - 4;
    const lastWhole = whole + wholeBytes - 4 - ((<usize>before) << 2);
    for (let i: usize = 4; i <= (<usize>before) << 2; i += 4) {
      const start = whole + ((<usize>before) << 2) - i;
      store<f32>(out + i, load<f32>(out + i) + load<f32>(start));
      store<f32>(lastOut - i, load<f32>(lastOut - i) + load<f32>(lastWhole + i));
    }
  }
}

/** Bytes that four windows take on their way: themselves, their frequencies, and copies of those that reach over an end. */
export function stftRoom(fftSize: i32): i32 {
  return 16 * fftSize + 32 + 16 * fftSize + 32 + 16 * fftSize;
}

/** The frequencies of up to four windows from `first` on, behind the room for the windows themselves. */
function transform(
  x: usize,
  tables: usize,
  room: usize,
  samples: i32,
  fftSize: i32,
  hop: i32,
  before: i32,
  first: i32,
  lanes: i32,
): void {
  const half = fftSize >> 1;
  const spectrum = room + ((<usize>(half + 1)) << 5);
  const copies = spectrum + ((<usize>(half + 1)) << 5);
  const turns = tables + ((<usize>fftSize) << 2);
  const order = turns + ((<usize>fftSize) << 3);
  const bytes = (<usize>fftSize) << 2;
  // Beyond the last window it is repeated.
  const a = windowAt(x, copies, samples, fftSize, first * hop - before);
  const b = lanes > 1 ? windowAt(x, copies + bytes, samples, fftSize, (first + 1) * hop - before) : a;
  const c = lanes > 2 ? windowAt(x, copies + 2 * bytes, samples, fftSize, (first + 2) * hop - before) : b;
  const d = lanes > 3 ? windowAt(x, copies + 3 * bytes, samples, fftSize, (first + 3) * hop - before) : c;
  for (let n: usize = 0, place = order; n < bytes; n += 16, place += 8) {
    const weights = v128.load(tables + n);
    const wa = f32x4.mul(v128.load(a + n), weights);
    const wb = f32x4.mul(v128.load(b + n), weights);
    const wc = f32x4.mul(v128.load(c + n), weights);
    const wd = f32x4.mul(v128.load(d + n), weights);
    const ab = v128.shuffle<i32>(wa, wb, 0, 4, 1, 5);
    const cd = v128.shuffle<i32>(wc, wd, 0, 4, 1, 5);
    const ef = v128.shuffle<i32>(wa, wb, 2, 6, 3, 7);
    const gh = v128.shuffle<i32>(wc, wd, 2, 6, 3, 7);
    const even = room + <usize>load<u32>(place);
    v128.store(even, v128.shuffle<i64>(ab, cd, 0, 2));
    v128.store(even, v128.shuffle<i64>(ab, cd, 1, 3), 16);
    const odd = room + <usize>load<u32>(place, 4);
    v128.store(odd, v128.shuffle<i64>(ef, gh, 0, 2));
    v128.store(odd, v128.shuffle<i64>(ef, gh, 1, 3), 16);
  }
  fft(room, half, turns);
  untangle(room, spectrum, half, turns);
}

/** Where the samples of a window lie: in the row, or in `copy` where it reaches over an end. */
function windowAt(x: usize, copy: usize, samples: i32, fftSize: i32, start: i32): usize {
  if (start >= 0 && start + fftSize <= samples) return x + ((<usize>start) << 2);
  for (let n = 0; n < fftSize; n++) {
    let i = abs(start + n);
    if (i >= samples) i = 2 * (samples - 1) - i;
    store<f32>(copy + ((<usize>n) << 2), load<f32>(x + ((<usize>i) << 2)));
  }
  return copy;
}

function powerAt(p: usize): v128 {
  const re = v128.load(p);
  const im = v128.load(p, 16);
  return f32x4.add(f32x4.mul(re, re), f32x4.mul(im, im));
}

/** Lane i of the vectors 0 … half, 32 bytes apart, as row i of `to`. */
function storeLanes(from: usize, to: usize, line: usize, half: i32, lanes: i32): void {
  for (let k = 0; k < half; k += 4) {
    const p = from + ((<usize>k) << 5);
    const ab = v128.shuffle<i32>(v128.load(p), v128.load(p, 32), 0, 4, 1, 5);
    const cd = v128.shuffle<i32>(v128.load(p, 64), v128.load(p, 96), 0, 4, 1, 5);
    const ef = v128.shuffle<i32>(v128.load(p), v128.load(p, 32), 2, 6, 3, 7);
    const gh = v128.shuffle<i32>(v128.load(p, 64), v128.load(p, 96), 2, 6, 3, 7);
    const at = to + ((<usize>k) << 2);
    v128.store(at, v128.shuffle<i64>(ab, cd, 0, 2));
    if (lanes > 1) v128.store(at + line, v128.shuffle<i64>(ab, cd, 1, 3));
    if (lanes > 2) v128.store(at + 2 * line, v128.shuffle<i64>(ef, gh, 0, 2));
    if (lanes > 3) v128.store(at + 3 * line, v128.shuffle<i64>(ef, gh, 1, 3));
  }
  const last = from + ((<usize>half) << 5);
  for (let lane = 0; lane < lanes; lane++) {
    store<f32>(to + <usize>lane * line + ((<usize>half) << 2), load<f32>(last + ((<usize>lane) << 2)));
  }
}

/** Rows of `from` as lanes of the vectors 0 … half, 32 bytes apart; beyond the last row it is repeated. */
function loadLanes(from: usize, line: usize, to: usize, half: i32, lanes: i32): void {
  const a = from;
  const b = lanes > 1 ? a + line : a;
  const c = lanes > 2 ? b + line : b;
  const d = lanes > 3 ? c + line : c;
  for (let k = 0; k < half; k += 4) {
    const at = (<usize>k) << 2;
    const ab = v128.shuffle<i32>(v128.load(a + at), v128.load(b + at), 0, 4, 1, 5);
    const cd = v128.shuffle<i32>(v128.load(c + at), v128.load(d + at), 0, 4, 1, 5);
    const ef = v128.shuffle<i32>(v128.load(a + at), v128.load(b + at), 2, 6, 3, 7);
    const gh = v128.shuffle<i32>(v128.load(c + at), v128.load(d + at), 2, 6, 3, 7);
    const p = to + ((<usize>k) << 5);
    v128.store(p, v128.shuffle<i64>(ab, cd, 0, 2));
    v128.store(p, v128.shuffle<i64>(ab, cd, 1, 3), 32);
    v128.store(p, v128.shuffle<i64>(ef, gh, 0, 2), 64);
    v128.store(p, v128.shuffle<i64>(ef, gh, 1, 3), 96);
  }
  const at = (<usize>half) << 2;
  const p = to + ((<usize>half) << 5);
  store<f32>(p, load<f32>(a + at));
  store<f32>(p, load<f32>(b + at), 4);
  store<f32>(p, load<f32>(c + at), 8);
  store<f32>(p, load<f32>(d + at), 12);
}

/** Adds the windows, times their weights, each `hop` bytes behind the one before. */
function addWindows(data: usize, weights: usize, to: usize, fftSize: i32, hop: usize, lanes: i32): void {
  for (let n = 0; n < fftSize; n += 4) {
    const p = data + ((<usize>n) << 4);
    const ab = v128.shuffle<i32>(v128.load(p, 16), v128.load(p), 0, 4, 1, 5);
    const cd = v128.shuffle<i32>(v128.load(p, 48), v128.load(p, 32), 0, 4, 1, 5);
    const ef = v128.shuffle<i32>(v128.load(p, 16), v128.load(p), 2, 6, 3, 7);
    const gh = v128.shuffle<i32>(v128.load(p, 48), v128.load(p, 32), 2, 6, 3, 7);
    const w = v128.load(weights + ((<usize>n) << 2));
    const at = to + ((<usize>n) << 2);
    addFour(at, f32x4.mul(w, v128.shuffle<i64>(ab, cd, 0, 2)));
    if (lanes > 1) addFour(at + hop, f32x4.mul(w, v128.shuffle<i64>(ab, cd, 1, 3)));
    if (lanes > 2) addFour(at + 2 * hop, f32x4.mul(w, v128.shuffle<i64>(ef, gh, 0, 2)));
    if (lanes > 3) addFour(at + 3 * hop, f32x4.mul(w, v128.shuffle<i64>(ef, gh, 1, 3)));
  }
}
