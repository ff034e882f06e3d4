import { greater, scalar, type Tensor1D, type Tensor2D, zeros } from '@tensorflow/tfjs-core';
import { withoutGradient } from './autodiff.ts';
import { selectRows } from './kernels/select-rows.ts';

/** bool [N]: which tokens are real. */
export function realRows(weights: Tensor1D): Tensor1D {
  return withoutGradient<Tensor1D>(() => greater(weights, scalar(0)));
}

/** Zeros in place of the padding, so that whatever it holds (NaN too) touches no statistic and no gradient. */
export function withoutPadding(tokens: Tensor2D, real: Tensor1D | undefined): Tensor2D {
  return real === undefined ? tokens : selectRows(real, tokens, zeros([tokens.shape[0], 1]));
}
