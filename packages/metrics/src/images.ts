import { requireInteger, requireKnownOptions, requirePositive } from '@vqkit/core-tensor/check';
import { DataError, phrase, ShapeError } from '@vqkit/core-tensor/errors';

export interface PsnrOptions {
  /** Largest minus smallest possible value: 2 for images in [-1, 1], 1 for [0, 1], 255 for bytes. */
  readonly dataRange: number;
  /** Elements of one image. When given, the result is the mean of the images' own PSNR; default: one error over everything. */
  readonly imageSize?: number;
}

export interface SsimOptions {
  readonly width: number;
  readonly height: number;
  /** Channels of a pixel, beside each other (channels last). Default 1. */
  readonly channels?: number;
  /** Largest minus smallest possible value: 2 for images in [-1, 1]. */
  readonly dataRange: number;
}

/** Images in any real typed array or list; both of one length. */
type Pixels = ArrayLike<number>;

const WINDOW = 11;
const SIGMA = 1.5;

/**
 * Peak signal-to-noise ratio, `PSNR = 10 log₁₀(dataRange² / mse)` dB; Infinity for equal images.
 *
 * Papers differ in what they average. By default the error is taken over all elements; `imageSize` averages the dB of the images,
 * which is larger (Jensen) and Infinity when one image is reproduced exactly. State which one a number is.
 *
 * @throws OptionError for a bad option, ShapeError when the lengths differ, are 0 or no multiple of imageSize, DataError at a value
 * that is not finite.
 * @example
 * psnr([0, 0, 0, 1], [0, 0, 0, 0.8], { dataRange: 1 }); // 20 dB: mse 0.01
 */
export function psnr(expected: Pixels, actual: Pixels, options: PsnrOptions): number {
  const where = 'psnr';
  requireKnownOptions(where, options, ['dataRange', 'imageSize']);
  const { dataRange, imageSize = expected.length } = options;
  requirePositive(where, 'dataRange', dataRange);
  const images = imageCount(where, expected, actual, imageSize);
  let sum = 0;
  for (let image = 0; image < images; image++) {
    let squares = 0;
    for (let i = image * imageSize; i < (image + 1) * imageSize; i++) {
      squares += ((expected[i] as number) - (actual[i] as number)) ** 2;
    }
    sum += 10 * Math.log10((dataRange * dataRange * imageSize) / squares);
  }
  return sum / images;
}

/**
 * Mean structural similarity of image pairs, at most 1 (equal images); the mean over windows, channels and images of
 *
 * `SSIM = (2 μa μb + C1)(2 σab + C2) / ((μa² + μb² + C1)(σa² + σb² + C2))`, `C1 = (0.01 L)²`, `C2 = (0.03 L)²`, L = dataRange,
 *
 * with Gaussian-weighted means and (co)variances in 11 × 11 windows, σ = 1.5, that lie wholly inside the image. Channels are
 * compared one by one; no conversion to grey, no downsampling. float64.
 *
 * Source: Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment: From Error Visibility to Structural Similarity", IEEE TIP
 * 13(4), 2004. Equals scikit-image's `structural_similarity` with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`,
 * cropped to whole windows as it does.
 *
 * @throws OptionError for a bad option (sides below 11 have no window), ShapeError when the lengths differ, are 0 or no whole
 * number of images, DataError at a value that is not finite.
 * @example
 * ssim(pixels, reconstruction, { width: 28, height: 28, dataRange: 2 });
 */
export function ssim(expected: Pixels, actual: Pixels, options: SsimOptions): number {
  const where = 'ssim';
  requireKnownOptions(where, options, ['width', 'height', 'channels', 'dataRange']);
  const { width, height, channels = 1, dataRange } = options;
  requireInteger(where, 'width', width, WINDOW);
  requireInteger(where, 'height', height, WINDOW);
  requireInteger(where, 'channels', channels, 1);
  requirePositive(where, 'dataRange', dataRange);
  const pixels = width * height;
  const images = imageCount(where, expected, actual, pixels * channels);
  const [c1, c2] = [(0.01 * dataRange) ** 2, (0.03 * dataRange) ** 2];
  const a = new Float64Array(pixels);
  const b = new Float64Array(pixels);
  const blur = createBlur(width, height);
  let sum = 0;
  let windows = 0;
  for (let plane = 0; plane < images * channels; plane++) {
    const start = Math.floor(plane / channels) * pixels * channels + (plane % channels);
    for (let i = 0; i < pixels; i++) {
      a[i] = expected[start + i * channels] as number;
      b[i] = actual[start + i * channels] as number;
    }
    const meanA = blur(a);
    const meanB = blur(b);
    const meanAA = blur(a.map((value) => value * value));
    const meanBB = blur(b.map((value) => value * value));
    const meanAB = blur(a.map((value, i) => value * (b[i] as number)));
    for (let i = 0; i < meanA.length; i++) {
      const [ma, mb] = [meanA[i] as number, meanB[i] as number];
      const variances = (meanAA[i] as number) - ma * ma + (meanBB[i] as number) - mb * mb;
      const covariance = (meanAB[i] as number) - ma * mb;
      sum += ((2 * ma * mb + c1) * (2 * covariance + c2)) / ((ma * ma + mb * mb + c1) * (variances + c2));
      windows++;
    }
  }
  return sum / windows;
}

/** Gaussian-weighted means of all whole windows of a plane: rows, then columns. */
function createBlur(width: number, height: number): (plane: Float64Array) => Float64Array {
  const raw = Float64Array.from({ length: WINDOW }, (_, i) =>
    Math.exp(-((i - (WINDOW - 1) / 2) ** 2) / (2 * SIGMA ** 2)),
  );
  const total = raw.reduce((sum, value) => sum + value, 0);
  const weights = raw.map((value) => value / total);
  const [outWidth, outHeight] = [width - WINDOW + 1, height - WINDOW + 1];
  const across = new Float64Array(outWidth * height);
  return (plane) => {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < outWidth; x++) {
        let sum = 0;
        for (let k = 0; k < WINDOW; k++) sum += (weights[k] as number) * (plane[y * width + x + k] as number);
        across[y * outWidth + x] = sum;
      }
    }
    const means = new Float64Array(outWidth * outHeight);
    for (let y = 0; y < outHeight; y++) {
      for (let x = 0; x < outWidth; x++) {
        let sum = 0;
        for (let k = 0; k < WINDOW; k++) sum += (weights[k] as number) * (across[(y + k) * outWidth + x] as number);
        means[y * outWidth + x] = sum;
      }
    }
    return means;
  };
}

function imageCount(where: string, expected: Pixels, actual: Pixels, imageSize: number): number {
  if (expected.length !== actual.length || expected.length === 0) {
    throw new ShapeError(
      where,
      'expected and actual',
      'have the same length > 0',
      phrase(`${expected.length} and ${actual.length}`, [expected.length, actual.length]),
      'Pass both images whole.',
    );
  }
  requireInteger(where, 'imageSize', imageSize, 1);
  if (expected.length % imageSize !== 0) {
    throw new ShapeError(
      where,
      'expected',
      `hold whole images of ${imageSize} elements`,
      expected.length,
      'Check width, height, channels and imageSize.',
    );
  }
  for (let i = 0; i < expected.length; i++) {
    if (Number.isFinite(expected[i]) && Number.isFinite(actual[i])) continue;
    throw new DataError(
      where,
      'pixels',
      'be finite',
      phrase(`${expected[i]} and ${actual[i]} at position ${i}`, expected[i]),
      'Look for a diverging loss before it.',
    );
  }
  return expected.length / imageSize;
}
