import {
  add,
  concat,
  div,
  mul,
  pow,
  relu,
  reshape,
  type Scalar,
  square,
  sub,
  type Tensor,
  type Tensor4D,
  tensor2d,
  tidy,
  tile,
  transpose,
  unstack,
} from '@tensorflow/tfjs-core';
import { matMul, mean } from '@vqkit/core-tensor';

const WINDOW = 11;
const SIGMA = 1.5;
/** Of the five scales, the whole images first. */
const WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/** Pixels lie in [-1, 1]. */
const RANGE = 2;
const [C1, C2] = [(0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2];

/** How many times images can be compared, each time half as large: while their sides have a window. At most 5; 0 below 11 pixels. */
export function scalesOf(height: number, width: number): number {
  const halvings = Math.floor(Math.log2(Math.min(height, width) / WINDOW));
  return Math.max(0, Math.min(WEIGHTS.length, halvings + 1));
}

/**
 * Multi-scale structural similarity of images, at most 1 (equal images); the mean over images and channels of
 *
 * `MS-SSIM = SSIM_M^w_M · Π cs_j^w_j`, `cs = (2 σab + C2) / (σa² + σb² + C2)`, each cs and SSIM its mean over the windows,
 *
 * at M scales, as many of 5 as have a window of 11 pixels, the weights w of the paper over their sum; negative means count as 0. Windows are Gaussian, σ = 1.5, and lie wholly in the image; each scale is the mean of 2 × 2 pixels of the one
 * before.
 *
 * Source: Wang, Simoncelli, Bovik, "Multi-scale structural similarity for image quality assessment", 2003.
 *
 * @param output, examples float32 [batch, height, width, channels] in [-1, 1].
 */
export function msSsim(output: Tensor4D, examples: Tensor4D): Scalar {
  return tidy(() => {
    const [, height, width] = examples.shape;
    const scales = scalesOf(height, width);
    const total = WEIGHTS.slice(0, scales).reduce((sum, weight) => sum + weight, 0);
    let [a, b] = [output, examples];
    let product: Tensor | undefined;
    for (let scale = 0; scale < scales; scale++) {
      const { similarity, structure } = compare(a, b);
      const last = scale === scales - 1;
      // [batch, channels]; a slope at 0 would be infinite.
      const means = add(relu(mean(last ? similarity : structure, [1, 2])), 1e-8);
      const factor = pow(means, (WEIGHTS[scale] as number) / total);
      product = product === undefined ? factor : mul(product, factor);
      if (!last) [a, b] = [halve(a), halve(b)];
    }
    return mean(product as Tensor);
  });
}

function compare(a: Tensor4D, b: Tensor4D): { similarity: Tensor; structure: Tensor } {
  const [count, height, width] = a.shape;
  const all = concat([a, b, square(a), square(b), mul(a, b)], 0) as Tensor4D;
  const blurred = along(along(all, gaussian(height), 1), gaussian(width), 2);
  const [, h, w, channels] = blurred.shape;
  const [ma, mb, aa, bb, ab] = unstack(reshape(blurred, [5, count, h, w, channels])) as [
    Tensor4D,
    Tensor4D,
    Tensor4D,
    Tensor4D,
    Tensor4D,
  ];
  const [squares, product] = [add(square(ma), square(mb)), mul(ma, mb)];
  const variances = sub(add(aa, bb), squares);
  const covariance = sub(ab, product);
  const structure = div(add(mul(covariance, 2), C2), add(variances, C2));
  const luminance = div(add(mul(product, 2), C1), add(squares, C1));
  return { similarity: mul(luminance, structure), structure };
}

/** Means of 2 × 2 pixels; a last odd row or column is left out. */
function halve(images: Tensor4D): Tensor4D {
  const [, height, width] = images.shape;
  return along(along(images, pairs(height), 1), pairs(width), 2);
}

/** Linear combinations of the rows (axis 1) or columns (axis 2), those of the matrix [outputs, inputs]. */
function along(images: Tensor4D, matrix: Tensor, axis: 1 | 2): Tensor4D {
  if (axis === 2) return transpose(along(transpose(images, [0, 2, 1, 3]), matrix, 1), [0, 2, 1, 3]);
  const [count, height, width, channels] = images.shape;
  const [outputs = 0] = matrix.shape;
  const matrices = tile(reshape(matrix, [1, outputs, height]), [count, 1, 1]);
  return reshape(matMul(matrices, reshape(images, [count, height, width * channels])), [
    count,
    outputs,
    width,
    channels,
  ]);
}

/** [length - 10, length]: Gaussian means of all whole windows. */
function gaussian(length: number): Tensor {
  const raw = Array.from({ length: WINDOW }, (_, i) => Math.exp(-((i - (WINDOW - 1) / 2) ** 2) / (2 * SIGMA ** 2)));
  const total = raw.reduce((sum, value) => sum + value, 0);
  return banded(length - WINDOW + 1, length, (row, column) => (raw[column - row] ?? 0) / total);
}

/** [⌊length / 2⌋, length]: means of two. */
function pairs(length: number): Tensor {
  return banded(Math.floor(length / 2), length, (row, column) => (Math.floor(column / 2) === row ? 0.5 : 0));
}

function banded(rows: number, columns: number, value: (row: number, column: number) => number): Tensor {
  const values = Float32Array.from({ length: rows * columns }, (_, i) => value(Math.floor(i / columns), i % columns));
  return tensor2d(values, [rows, columns]);
}
