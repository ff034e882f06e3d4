import type { Quantizer } from '@vqkit/core-tensor';
import { sameSpace } from '@vqkit/core-tensor/code-space';

/**
 * Whether a latent z and its `quantized` q lie in one space: the quantizer compares z itself with its codes and takes the nearest. Only then do
 * their error, SNR, angle (obtuse share) and ratio of lengths mean anything, and only then are codes to be given to a tracker. A quantizer says
 * so by its `toCodeSpace`.
 *
 * - SimVQ: always. VQ: without projections (`heads · codebookDim = dim`) and `useCosineSim`.
 * - LFQ: without projections, `spherical`, `softClampInputValue` and `orthogonalRotation`; sign(z) · scale then is the nearest code.
 * - FSQ: without projections, with `bound: 'hardClamp'` and `preserveSymmetry`; it bounds z first otherwise.
 * - Residual stacks: where it holds for every layer and the stack projects and bounds nothing. Anything else: no.
 *
 * @example
 * const { quantized, indices } = simvq.quantize(z);
 * const codes = comparesLatents(simvq) ? { codes: (await quantized.data()) as Float32Array } : {};
 * tracker.update({ indices: (await indices.data()) as Int32Array, latents, dim: simvq.dim, ...codes });
 */
export function comparesLatents({ toCodeSpace }: Pick<Quantizer, 'toCodeSpace'>): boolean {
  return toCodeSpace === sameSpace;
}
