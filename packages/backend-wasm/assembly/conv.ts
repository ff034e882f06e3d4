import { clearFrame, placeImage } from './frame';
import { loadColumns, storeColumns, sumLanes } from './store';

/**
 * Convolution, channels last, without an im2col buffer: each image is placed in a frame of zeros, where the receptive field of an
 * output pixel is `runs` runs of `runLength` contiguous floats. Four pixels × eight output channels are computed at a time:
 *
 *     out[pixel, o] = bias[o] + Σ over runs r and positions j of frame[pixel + r, j] · packed[r, j, o]
 *
 * The gradient to the input is the same function: the image is dy, spaced by the stride, and the filter is flipped and transposed.
 *
 * `frame` = 0: the images need no frame and are read in place. `runStep`s are distances in floats between the runs of one filter
 * row, and between filter rows; `out…Step`s are those between images, rows and pixels of the output. The output rows of an image are cut into `bands` of `bandRows`, so that a frame fits the cache.
 * Units: images · bands. Each worker has its own frame of frameBytes.
 */
export function convImages(
  images: usize,
  packed: usize,
  bias: usize,
  out: usize,
  frame: usize,
  frameBytes: i32,
  height: i32,
  width: i32,
  channels: i32,
  frameHeight: i32,
  frameWidth: i32,
  top: i32,
  left: i32,
  spacingY: i32,
  spacingX: i32,
  outHeight: i32,
  outWidth: i32,
  outChannels: i32,
  outImageStep: i32,
  outRowStep: i32,
  outPixelStep: i32,
  strideY: i32,
  strideX: i32,
  filterRows: i32,
  filterRowStep: i32,
  runsPerRow: i32,
  runStep: i32,
  runLength: i32,
  relu: i32,
  bands: i32,
  bandRows: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const imageBytes = (<usize>(height * width * channels)) << 2;
  const outImage = (<usize>outImageStep) << 2;
  const outRow = (<usize>outRowStep) << 2;
  const outPixel = (<usize>outPixelStep) << 2;
  const rowBytes = (<usize>(strideY * frameWidth * channels)) << 2;
  const stepBytes = (<usize>(strideX * channels)) << 2;
  const filterRowBytes = (<usize>filterRowStep) << 2;
  const runStepBytes = (<usize>runStep) << 2;
  const runBytes = (<usize>runLength) << 2;
  const panelBytes = <usize>(filterRows * runsPerRow * runLength) * 32;
  const floor = relu ? f32x4.splat(0) : f32x4.splat(-Infinity);
  frame = clearFrame(frame, frameBytes, worker);

  for (let unit = begin; unit < end; unit++) {
    const image = images + <usize>(unit / bands) * imageBytes;
    const firstRow = (unit % bands) * bandRows;
    const pixels = min(bandRows, outHeight - firstRow) * outWidth;
    const field = bandOf(
      image,
      frame,
      bands > 1 ? frameBytes : 0,
      firstRow,
      rowBytes,
      height,
      width,
      channels,
      frameHeight,
      frameWidth,
      top - firstRow * strideY,
      left,
      spacingY,
      spacingX,
    );
    const bandOut = out + <usize>(unit / bands) * outImage + <usize>firstRow * outRow;
    for (let first = 0, panel = packed; first < outChannels; first += 8, panel += panelBytes) {
      const count = min(8, outChannels - first);
      let bias0 = f32x4.splat(0);
      let bias1 = bias0;
      if (bias !== 0) {
        bias0 = loadColumns(bias + ((<usize>first) << 2), count);
        bias1 = loadColumns(bias + ((<usize>first) << 2) + 16, count - 4);
      }
      let column = 0;
      let rowStart = field;
      let rowOut = bandOut + ((<usize>first) << 2);
      for (let p = 0; p < pixels; p += 4) {
        // The four pixels and where they go; beyond the last one they repeat it.
        let a0 = rowStart + <usize>column * stepBytes;
        const o0 = rowOut + <usize>column * outPixel;
        if (p + 1 < pixels && ++column === outWidth) {
          column = 0;
          rowStart += rowBytes;
          rowOut += outRow;
        }
        let a1 = rowStart + <usize>column * stepBytes;
        const o1 = rowOut + <usize>column * outPixel;
        if (p + 2 < pixels && ++column === outWidth) {
          column = 0;
          rowStart += rowBytes;
          rowOut += outRow;
        }
        let a2 = rowStart + <usize>column * stepBytes;
        const o2 = rowOut + <usize>column * outPixel;
        if (p + 3 < pixels && ++column === outWidth) {
          column = 0;
          rowStart += rowBytes;
          rowOut += outRow;
        }
        let a3 = rowStart + <usize>column * stepBytes;
        const o3 = rowOut + <usize>column * outPixel;
        if (++column === outWidth) {
          column = 0;
          rowStart += rowBytes;
          rowOut += outRow;
        }
        let c00 = bias0;
        let c01 = bias1;
        let c10 = bias0;
        let c11 = bias1;
        let c20 = bias0;
        let c21 = bias1;
        let c30 = bias0;
        let c31 = bias1;
        let w = panel;
        for (let i = 0; i < filterRows; i++) {
          let r0 = a0;
          let r1 = a1;
          let r2 = a2;
          let r3 = a3;
          for (let k = 0; k < runsPerRow; k++) {
            for (let j: usize = 0; j < runBytes; j += 4) {
              const w0 = v128.load(w);
              const w1 = v128.load(w, 16);
              const x0 = v128.load32_splat(r0 + j);
              const x1 = v128.load32_splat(r1 + j);
              const x2 = v128.load32_splat(r2 + j);
              const x3 = v128.load32_splat(r3 + j);
              c00 = f32x4.add(c00, f32x4.mul(x0, w0));
              c01 = f32x4.add(c01, f32x4.mul(x0, w1));
              c10 = f32x4.add(c10, f32x4.mul(x1, w0));
              c11 = f32x4.add(c11, f32x4.mul(x1, w1));
              c20 = f32x4.add(c20, f32x4.mul(x2, w0));
              c21 = f32x4.add(c21, f32x4.mul(x2, w1));
              c30 = f32x4.add(c30, f32x4.mul(x3, w0));
              c31 = f32x4.add(c31, f32x4.mul(x3, w1));
              w += 32;
            }
            r0 += runStepBytes;
            r1 += runStepBytes;
            r2 += runStepBytes;
            r3 += runStepBytes;
          }
          a0 += filterRowBytes;
          a1 += filterRowBytes;
          a2 += filterRowBytes;
          a3 += filterRowBytes;
        }
        storeColumns(o0, f32x4.max(c00, floor), f32x4.max(c01, floor), count);
        storeColumns(o1, f32x4.max(c10, floor), f32x4.max(c11, floor), count);
        storeColumns(o2, f32x4.max(c20, floor), f32x4.max(c21, floor), count);
        storeColumns(o3, f32x4.max(c30, floor), f32x4.max(c31, floor), count);
      }
    }
  }
}

/**
 * The same for few output channels: lanes run along the contiguous positions of a run instead of along the output channels, four
 * pixels at a time. `filter` is [outChannels][runs][runLength], not packed.
 */
export function convImagesFewOutputs(
  images: usize,
  filter: usize,
  bias: usize,
  out: usize,
  frame: usize,
  frameBytes: i32,
  height: i32,
  width: i32,
  channels: i32,
  frameHeight: i32,
  frameWidth: i32,
  top: i32,
  left: i32,
  spacingY: i32,
  spacingX: i32,
  outHeight: i32,
  outWidth: i32,
  outChannels: i32,
  outImageStep: i32,
  outRowStep: i32,
  outPixelStep: i32,
  strideY: i32,
  strideX: i32,
  filterRows: i32,
  filterRowStep: i32,
  runsPerRow: i32,
  runStep: i32,
  runLength: i32,
  relu: i32,
  bands: i32,
  bandRows: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const imageBytes = (<usize>(height * width * channels)) << 2;
  const outImage = (<usize>outImageStep) << 2;
  const outRow = (<usize>outRowStep) << 2;
  const outPixel = (<usize>outPixelStep) << 2;
  const rowBytes = (<usize>(strideY * frameWidth * channels)) << 2;
  const stepBytes = (<usize>(strideX * channels)) << 2;
  const filterRowBytes = (<usize>filterRowStep) << 2;
  const runStepBytes = (<usize>runStep) << 2;
  const runBytes = (<usize>runLength) << 2;
  const wholeBytes = runBytes & ~15;
  const filterBytes = <usize>(filterRows * runsPerRow) * runBytes;
  const floor: f32 = relu ? 0 : -Infinity;
  frame = clearFrame(frame, frameBytes, worker);

  for (let unit = begin; unit < end; unit++) {
    const image = images + <usize>(unit / bands) * imageBytes;
    const firstRow = (unit % bands) * bandRows;
    const rows = min(bandRows, outHeight - firstRow);
    const field = bandOf(
      image,
      frame,
      bands > 1 ? frameBytes : 0,
      firstRow,
      rowBytes,
      height,
      width,
      channels,
      frameHeight,
      frameWidth,
      top - firstRow * strideY,
      left,
      spacingY,
      spacingX,
    );
    const bandOut = out + <usize>(unit / bands) * outImage + <usize>firstRow * outRow;
    for (let o = 0; o < outChannels; o++) {
      const start: f32 = bias !== 0 ? load<f32>(bias + ((<usize>o) << 2)) : 0;
      const weights = filter + <usize>o * filterBytes;
      for (let y = 0; y < rows; y++) {
        for (let x = 0; x < outWidth; x += 4) {
          let a0 = field + <usize>y * rowBytes + <usize>x * stepBytes;
          let a1 = x + 1 < outWidth ? a0 + stepBytes : a0;
          let a2 = x + 2 < outWidth ? a1 + stepBytes : a1;
          let a3 = x + 3 < outWidth ? a2 + stepBytes : a2;
          let c0 = f32x4.splat(0);
          let c1 = c0;
          let c2 = c0;
          let c3 = c0;
          // The positions after the last whole vector of each run.
          let s0 = start;
          let s1 = start;
          let s2 = start;
          let s3 = start;
          let w = weights;
          for (let i = 0; i < filterRows; i++) {
            let r0 = a0;
            let r1 = a1;
            let r2 = a2;
            let r3 = a3;
            for (let k = 0; k < runsPerRow; k++) {
              let j: usize = 0;
              for (; j < wholeBytes; j += 16) {
                const v = v128.load(w + j);
                c0 = f32x4.add(c0, f32x4.mul(v128.load(r0 + j), v));
                c1 = f32x4.add(c1, f32x4.mul(v128.load(r1 + j), v));
                c2 = f32x4.add(c2, f32x4.mul(v128.load(r2 + j), v));
                c3 = f32x4.add(c3, f32x4.mul(v128.load(r3 + j), v));
              }
              for (; j < runBytes; j += 4) {
                const v = load<f32>(w + j);
                s0 += load<f32>(r0 + j) * v;
                s1 += load<f32>(r1 + j) * v;
                s2 += load<f32>(r2 + j) * v;
                s3 += load<f32>(r3 + j) * v;
              }
              w += runBytes;
              r0 += runStepBytes;
              r1 += runStepBytes;
              r2 += runStepBytes;
              r3 += runStepBytes;
            }
            a0 += filterRowBytes;
            a1 += filterRowBytes;
            a2 += filterRowBytes;
            a3 += filterRowBytes;
          }
          const to = bandOut + <usize>y * outRow + <usize>x * outPixel + ((<usize>o) << 2);
          store<f32>(to, max(sumLanes(c0) + s0, floor));
          if (x + 1 < outWidth) store<f32>(to + outPixel, max(sumLanes(c1) + s1, floor));
          if (x + 2 < outWidth) store<f32>(to + 2 * outPixel, max(sumLanes(c2) + s2, floor));
          if (x + 3 < outWidth) store<f32>(to + 3 * outPixel, max(sumLanes(c3) + s3, floor));
        }
      }
    }
  }
}

/**
 * Where the fields of a band of output rows lie: in the frame, into which that part of the image is copied after the `used` bytes of the
 * band before are cleared, or in the image itself where there is no frame.
 */
function bandOf(
  image: usize,
  frame: usize,
  used: i32,
  firstRow: i32,
  rowBytes: usize,
  height: i32,
  width: i32,
  channels: i32,
  frameHeight: i32,
  frameWidth: i32,
  top: i32,
  left: i32,
  spacingY: i32,
  spacingX: i32,
): usize {
  if (frame === 0) return image + <usize>firstRow * rowBytes;
  memory.fill(frame, 0, used);
  placeImage(image, frame, height, width, channels, frameHeight, frameWidth, top, left, spacingY, spacingX);
  return frame;
}
