import type { Quantizer } from '@vqkit/core-tensor';

/** What of a quantizer decides whether latents and codes can be compared. */
export type ComparedQuantizer = Pick<Quantizer, 'kind' | 'dim' | 'config'> & {
  /** Of a residual stack. */
  readonly layers?: readonly ComparedQuantizer[];
};

/**
 * Whether a latent z and its `quantized` q lie in one space: the quantizer compares z itself with its codes and takes the nearest. Only then do
 * their error, SNR, angle (obtuse share) and ratio of lengths mean anything, and only then are codes to be given to a tracker.
 *
 * - SimVQ: always. VQ: without projections (`heads · codebookDim = dim`) and `useCosineSim`.
 * - LFQ: without projections, `spherical`, `softClampInputValue` and `orthogonalRotation`; sign(z) · scale then is the nearest code.
 * - FSQ: never, it bounds z first.
 * - Residual stacks: where it holds for every layer and the stack projects and bounds nothing. Anything else: no.
 *
 * @example
 * const { quantized, indices } = simvq.quantize(z);
 * const codes = comparesLatents(simvq) ? { codes: (await quantized.data()) as Float32Array } : {};
 * tracker.update({ indices: (await indices.data()) as Int32Array, latents, dim: simvq.dim, ...codes });
 */
export function comparesLatents(quantizer: ComparedQuantizer): boolean {
  const { kind, dim, layers } = quantizer;
  const config = quantizer.config as Readonly<Record<string, unknown>>;
  if (layers !== undefined) {
    return layers[0]?.dim === dim && (config.softClampInputValue ?? null) === null && layers.every(comparesLatents);
  }
  switch (kind) {
    case 'SimVQ':
      return true;
    case 'VQ': {
      const { codebookDim = dim, heads = 1, useCosineSim } = config;
      return Number(codebookDim) * Number(heads) === dim && useCosineSim !== true;
    }
    case 'LFQ': {
      const { hasProjections, spherical, softClampInputValue = null, orthogonalRotation } = config;
      return [hasProjections, spherical, orthogonalRotation].every((on) => on !== true) && softClampInputValue === null;
    }
    default:
      return false;
  }
}
