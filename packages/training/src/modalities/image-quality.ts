import { ssim } from '@vqkit/metrics';
import type { QualityMeter } from '../modality.ts';
import type { ImageQuality } from '../records.ts';

/** Pixels lie in [-1, 1]. */
const RANGE = 2;
const SSIM_WINDOW = 11;

/**
 * The differences between images of one [height, width, channels] and their reconstructions, in float64. PSNR is that of the whole set: `10 log₁₀(range² / mse)` with range 2 and the mean over all pixels of all images, not the mean of
 * each image's PSNR. SSIM is `ssim` of @vqkit/metrics, the mean over the images.
 */
export function createImageMeter([height = 0, width = 0, channels = 0]: readonly number[]): QualityMeter<ImageQuality> {
  const hasWindow = height >= SSIM_WINDOW && width >= SSIM_WINDOW;
  let pixels = 0;
  let absolute = 0;
  let squared = 0;
  let similarity = 0;

  return {
    add(images, reconstructions) {
      for (let i = 0; i < images.length; i++) {
        const difference = (images[i] as number) - (reconstructions[i] as number);
        absolute += Math.abs(difference);
        squared += difference * difference;
      }
      pixels += images.length;
      if (hasWindow) {
        similarity += images.length * ssim(images, reconstructions, { width, height, channels, dataRange: RANGE });
      }
    },
    report() {
      if (pixels === 0) return { l1: 0, mse: 0, psnrDb: null, ssim: null };
      const mse = squared / pixels;
      return {
        l1: absolute / pixels,
        mse,
        psnrDb: mse === 0 ? null : 10 * Math.log10(RANGE ** 2 / mse),
        ssim: hasWindow ? similarity / pixels : null,
      };
    },
  };
}
