import { clearFrame, placeImage } from './frame';
import { shareStart } from './split';
import { addColumns } from './store';

/** Output pixels that all of a filter passes over before the next, where there are twice as many: 16 channels of them are 32 kB. */
const BLOCK: i32 = 512;

/**
 * The gradient of a convolution's filter: dW[run, j, o] = Σ over images and output pixels of frame[pixel + run, j] · dy[pixel, o].
 *
 * The images are cut into `groups`, whatever the number of threads, and each group sums into its own partial result [filter rows ·
 * runLength, outChannels]; the caller adds them in order, so that the bits do not depend on the threads. A group's rows are cut into
 * `blocks`. Units: groups · blocks. Each worker has a frame (frameBytes) and, when the output channels are no multiple of 8, a
 * copy of one image of dy with padded channels (at `wide`, wideBytes; else 0).
 *
 * `offsets` is room for one int32 per output pixel and worker: where each pixel's field begins. A loop over pixels that looks there does
 * not stumble at the end of every row. Of a large image BLOCK pixels are taken at a time, so that they stay in the first-level cache.
 *
 * The rows of a filter are `filterRowStep` floats apart, which of one along a single axis are its taps.
 */
export function convFilterImages(
  images: usize,
  dy: usize,
  partials: usize,
  frame: usize,
  frameBytes: i32,
  wide: usize,
  wideBytes: i32,
  offsets: usize,
  batch: i32,
  height: i32,
  width: i32,
  channels: i32,
  frameHeight: i32,
  frameWidth: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
  outChannels: i32,
  strideY: i32,
  strideX: i32,
  filterRows: i32,
  filterRowStep: i32,
  runLength: i32,
  groups: i32,
  blocks: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const imageBytes = (<usize>(height * width * channels)) << 2;
  const dyBytes = (<usize>(outHeight * outWidth * outChannels)) << 2;
  const rowBytes = (<usize>(frameWidth * channels)) << 2;
  const stepBytes = (<usize>(strideX * channels)) << 2;
  const wideChannels = wide !== 0 ? (outChannels + 7) & ~7 : outChannels;
  const pixelBytes = (<usize>wideChannels) << 2;
  const partialBytes = (<usize>(filterRows * runLength * outChannels)) << 2;
  const tilesPerRow = (runLength + 3) >> 2;
  const tiles = filterRows * tilesPerRow;
  const pixels = outHeight * outWidth;
  offsets += (<usize>(worker * pixels)) << 2;
  fieldOffsets(offsets, outHeight, outWidth, <usize>strideY * rowBytes, stepBytes);
  const lastOffset = offsets + ((<usize>pixels) << 2);
  frame = clearFrame(frame, frameBytes, worker);
  if (wide !== 0) {
    wide += <usize>worker * <usize>wideBytes;
    memory.fill(wide, 0, wideBytes);
  }

  for (let unit = begin; unit < end; unit++) {
    const group = unit / blocks;
    const block = unit % blocks;
    const firstImage = shareStart(group, groups, batch);
    const lastImage = shareStart(group + 1, groups, batch);
    const firstTile = shareStart(block, blocks, tiles);
    const lastTile = shareStart(block + 1, blocks, tiles);
    const partial = partials + <usize>group * partialBytes;
    for (let n = firstImage; n < lastImage; n++) {
      const image = images + <usize>n * imageBytes;
      const field = fieldOf(image, frame, height, width, channels, frameHeight, frameWidth, top, left);
      let slopes = dy + <usize>n * dyBytes;
      if (wide !== 0) {
        for (let p = 0; p < pixels; p++) {
          for (let o = 0; o < outChannels; o++) {
            store<f32>(
              wide + ((<usize>(p * wideChannels + o)) << 2),
              load<f32>(slopes + ((<usize>(p * outChannels + o)) << 2)),
            );
          }
        }
        slopes = wide;
      }
      const step = pixels < 2 * BLOCK ? pixels : BLOCK;
      for (let begins = 0; begins < pixels; begins += step) {
        const from = offsets + ((<usize>begins) << 2);
        const until = min(lastOffset, from + ((<usize>step) << 2));
        const fresh = n === firstImage && begins === 0;
        const slope = slopes + <usize>begins * pixelBytes;
        for (let tile = firstTile; tile < lastTile; tile++) {
          const filterRow = tile / tilesPerRow;
          const j = (tile % tilesPerRow) << 2;
          const rows = min(4, runLength - j);
          const corner = field + ((<usize>(filterRow * filterRowStep + j)) << 2);
          for (let first = 0; first < outChannels; first += 8) {
            let c00 = f32x4.splat(0);
            let c01 = c00;
            let c10 = c00;
            let c11 = c00;
            let c20 = c00;
            let c21 = c00;
            let c30 = c00;
            let c31 = c00;
            let d = slope + ((<usize>first) << 2);
            for (let t = from; t < until; t += 4) {
              const a = corner + <usize>load<u32>(t);
              const d0 = v128.load(d);
              const d1 = v128.load(d, 16);
              const x0 = v128.load32_splat(a);
              const x1 = v128.load32_splat(a, 4);
              const x2 = v128.load32_splat(a, 8);
              const x3 = v128.load32_splat(a, 12);
              c00 = f32x4.add(c00, f32x4.mul(x0, d0));
              c01 = f32x4.add(c01, f32x4.mul(x0, d1));
              c10 = f32x4.add(c10, f32x4.mul(x1, d0));
              c11 = f32x4.add(c11, f32x4.mul(x1, d1));
              c20 = f32x4.add(c20, f32x4.mul(x2, d0));
              c21 = f32x4.add(c21, f32x4.mul(x2, d1));
              c30 = f32x4.add(c30, f32x4.mul(x3, d0));
              c31 = f32x4.add(c31, f32x4.mul(x3, d1));
              d += pixelBytes;
            }
            const count = min(8, outChannels - first);
            const filterPixel = (<usize>outChannels) << 2;
            const to = partial + <usize>(filterRow * runLength + j) * filterPixel + ((<usize>first) << 2);
            addColumns(to, c00, c01, count, fresh);
            if (rows > 1) addColumns(to + filterPixel, c10, c11, count, fresh);
            if (rows > 2) addColumns(to + 2 * filterPixel, c20, c21, count, fresh);
            if (rows > 3) addColumns(to + 3 * filterPixel, c30, c31, count, fresh);
          }
        }
      }
    }
  }
}

/**
 * The same for few output channels: lanes run along the positions of a run, and one element of dy is multiplied with many of them.
 * Partial results are [outChannels][filter rows][runLength padded to 4].
 */
export function convFilterImagesFewOutputs(
  images: usize,
  dy: usize,
  partials: usize,
  frame: usize,
  frameBytes: i32,
  offsets: usize,
  batch: i32,
  height: i32,
  width: i32,
  channels: i32,
  frameHeight: i32,
  frameWidth: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
  outChannels: i32,
  strideY: i32,
  strideX: i32,
  filterRows: i32,
  filterRowStep: i32,
  runLength: i32,
  groups: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const imageBytes = (<usize>(height * width * channels)) << 2;
  const dyBytes = (<usize>(outHeight * outWidth * outChannels)) << 2;
  const rowBytes = (<usize>(frameWidth * channels)) << 2;
  const stepBytes = (<usize>(strideX * channels)) << 2;
  const pixelBytes = (<usize>outChannels) << 2;
  const paddedRun = (<usize>runLength + 3) & ~3;
  const partialBytes = (<usize>(outChannels * filterRows) * paddedRun) << 2;
  const pixels = outHeight * outWidth;
  offsets += (<usize>(worker * pixels)) << 2;
  fieldOffsets(offsets, outHeight, outWidth, <usize>strideY * rowBytes, stepBytes);
  const lastOffset = offsets + ((<usize>pixels) << 2);
  frame = clearFrame(frame, frameBytes, worker);

  for (let group = begin; group < end; group++) {
    const firstImage = shareStart(group, groups, batch);
    const lastImage = shareStart(group + 1, groups, batch);
    const partial = partials + <usize>group * partialBytes;
    memory.fill(partial, 0, partialBytes);
    for (let n = firstImage; n < lastImage; n++) {
      const image = images + <usize>n * imageBytes;
      const field = fieldOf(image, frame, height, width, channels, frameHeight, frameWidth, top, left);
      const slopes = dy + <usize>n * dyBytes;
      for (let o = 0; o < outChannels; o++) {
        for (let i = 0; i < filterRows; i++) {
          const corner = field + ((<usize>(i * filterRowStep)) << 2);
          const target = partial + ((<usize>(o * filterRows + i) * paddedRun) << 2);
          let j: i32 = 0;
          for (; j + 24 <= runLength; j += 24) {
            const to = target + ((<usize>j) << 2);
            let c0 = v128.load(to);
            let c1 = v128.load(to, 16);
            let c2 = v128.load(to, 32);
            let c3 = v128.load(to, 48);
            let c4 = v128.load(to, 64);
            let c5 = v128.load(to, 80);
            let d = slopes + ((<usize>o) << 2);
            for (let t = offsets; t < lastOffset; t += 4) {
              const a = corner + <usize>load<u32>(t) + ((<usize>j) << 2);
              const s = v128.load32_splat(d);
              c0 = f32x4.add(c0, f32x4.mul(v128.load(a), s));
              c1 = f32x4.add(c1, f32x4.mul(v128.load(a, 16), s));
              c2 = f32x4.add(c2, f32x4.mul(v128.load(a, 32), s));
              c3 = f32x4.add(c3, f32x4.mul(v128.load(a, 48), s));
              c4 = f32x4.add(c4, f32x4.mul(v128.load(a, 64), s));
              c5 = f32x4.add(c5, f32x4.mul(v128.load(a, 80), s));
              d += pixelBytes;
            }
            v128.store(to, c0);
            v128.store(to, c1, 16);
            v128.store(to, c2, 32);
            v128.store(to, c3, 48);
            v128.store(to, c4, 64);
            v128.store(to, c5, 80);
          }
          for (; j < runLength; j += 4) {
            const to = target + ((<usize>j) << 2);
            let c = v128.load(to);
            let d = slopes + ((<usize>o) << 2);
            for (let t = offsets; t < lastOffset; t += 4) {
              const a = corner + <usize>load<u32>(t) + ((<usize>j) << 2);
              c = f32x4.add(c, f32x4.mul(v128.load(a), v128.load32_splat(d)));
              d += pixelBytes;
            }
            v128.store(to, c);
          }
        }
      }
    }
  }
}

/** Where the fields of an image lie: in the frame, into which it is copied, or in itself where there is none. */
function fieldOf(
  image: usize,
  frame: usize,
  height: i32,
  width: i32,
  channels: i32,
  frameHeight: i32,
  frameWidth: i32,
  top: i32,
  left: i32,
): usize {
  if (frame === 0) return image;
  placeImage(image, frame, height, width, channels, frameHeight, frameWidth, top, left, 1, 1);
  return frame;
}

/** Where the field of each output pixel begins, in bytes from the corner of the image. */
function fieldOffsets(offsets: usize, outHeight: i32, outWidth: i32, rowBytes: usize, stepBytes: usize): void {
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      store<u32>(offsets, <u32>(<usize>y * rowBytes + <usize>x * stepBytes));
      offsets += 4;
    }
  }
}
