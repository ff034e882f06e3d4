import {
  addN,
  cast,
  cumsum,
  div,
  expandDims,
  gather,
  greater,
  lessEqual,
  maximum,
  minimum,
  mul,
  ones,
  type Scalar,
  scalar,
  square,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  unsortedSegmentSum,
} from '@tensorflow/tfjs-core';
import { gatherCodes, type Rng, sum, withoutGradient } from '@vqkit/core-tensor';
import { codebookLoss, commitmentLoss, orthogonalityLoss } from '@vqkit/losses';
import type { Codebooks, Heads } from './codebook.ts';
import type { VqConfig } from './options.ts';
import { codeCrossEntropy } from './scores.ts';

/**
 * The parts of the loss: `commitment` moves tokens to their codes, `codebook` learnable codes to their tokens, `orthogonality` codes
 * away from each other.
 */
export type VqLoss = 'commitment' | 'codebook' | 'orthogonality';

/** What a training step has found, one entry per codebook. */
export interface Found {
  readonly rows: readonly Tensor2D[];
  readonly codes: readonly Tensor2D[];
  readonly indices: readonly Tensor1D[];
  /** Of tokens, and of the rows of each codebook. */
  readonly weights: Tensor1D | undefined;
  readonly rowWeights: Tensor1D | undefined;
}

/**
 * The parts about tokens, unweighted, at the codes that were chosen; `codebook` is 0 where no codes learn by it.
 *
 * @param moves whether the codes may get gradients.
 */
export function tokenLosses(
  config: VqConfig,
  { codebooks, heads }: { codebooks: Codebooks; heads: Heads },
  found: Found,
  moves: boolean,
): Record<'commitment' | 'codebook', Scalar> {
  const { rows, codes, indices, weights } = found;
  const learns = config.learnableCodebook && moves;
  if (config.commitmentUseCrossEntropyLoss) {
    return { commitment: crossEntropy(config, codebooks, found, learns), codebook: scalar(0) };
  }
  const x = heads.join(rows);
  const trained = (): Tensor2D => heads.join(indices.map((index, b) => gatherCodes(codebooks.trainable(b), index)));
  return {
    commitment: commitmentLoss(x, heads.join(codes), { weights }),
    codebook: learns ? codebookLoss(x, trained(), { weights }) : scalar(0),
  };
}

/** The weighted sum. */
export function vqLoss(config: VqConfig, { commitment, codebook, orthogonality }: Record<VqLoss, Scalar>): Scalar {
  return addN([
    mul(commitment, config.commitmentWeight),
    mul(codebook, config.codebookWeight),
    mul(orthogonality, config.orthogonalRegWeight),
  ]) as Scalar;
}

function crossEntropy({ useCosineSim }: VqConfig, codebooks: Codebooks, found: Found, learns: boolean): Scalar {
  const { rows, indices, rowWeights } = found;
  const means = rows.map((row, b) => {
    const codes = learns ? codebooks.trainable(b) : codebooks.all(b);
    const each = codeCrossEntropy(row, codes, indices[b] as Tensor1D, useCosineSim);
    const w: Tensor1D = rowWeights ?? ones(each.shape);
    return div(sum(mul(each, w)), maximum(sum(w), 1));
  });
  return div(addN(means), means.length) as Scalar;
}

/** The mean over codebooks of {@link orthogonalityLoss} of the codes that are looked at; 0 at weight 0 and when no token counts. */
export function orthogonality(
  config: VqConfig,
  { codebooks, rng }: { codebooks: Codebooks; rng: Rng },
  found: Found,
  moves: boolean,
): Scalar {
  const { codebookSize, orthogonalRegWeight, orthogonalRegActiveCodesOnly, orthogonalRegMaxCodes } = config;
  if (orthogonalRegWeight === 0) return scalar(0);
  const { indices, rowWeights } = found;
  const all = !orthogonalRegActiveCodesOnly && (orthogonalRegMaxCodes ?? codebookSize) >= codebookSize;
  const losses = indices.map((index, b): Scalar => {
    const codes = moves ? codebooks.trainable(b) : codebooks.all(b);
    if (all) return orthogonalityLoss(codes);
    const taken = withoutGradient(() => codesTaken(config, index, rowWeights, rng));
    // Codes put at 0 add nothing; the mean is over the pairs of the others.
    const share = square(div(codebookSize, maximum(sum(taken), 1)));
    return mul(orthogonalityLoss(mul(codes, expandDims(taken, 1))), share) as Scalar;
  });
  const mean: Scalar = div(addN(losses), losses.length);
  return rowWeights === undefined ? mean : mul(mean, minimum(sum(rowWeights), 1));
}

/** [K] of 0 or 1: the codes in use, or all; at most `orthogonalRegMaxCodes` of them, the first in a random order. */
function codesTaken(
  { codebookSize: k, orthogonalRegActiveCodesOnly, orthogonalRegMaxCodes }: VqConfig,
  indices: Tensor1D,
  weights: Tensor1D | undefined,
  rng: Rng,
): Tensor1D {
  const used = (): Tensor1D => unsortedSegmentSum(weights ?? ones(indices.shape), indices, k);
  const active: Tensor1D = orthogonalRegActiveCodesOnly ? cast(greater(used(), 0), 'float32') : ones([k]);
  if (orthogonalRegMaxCodes === null || orthogonalRegMaxCodes >= k) return active;
  const order = rng.permutation(k);
  const place = new Int32Array(k);
  order.forEach((code, i) => {
    place[code] = i;
  });
  const shuffled: Tensor1D = gather(active, tensor1d(order, 'int32'));
  const first = mul(shuffled, lessEqual(cumsum(shuffled), orthogonalRegMaxCodes)) as Tensor1D;
  return gather(first, tensor1d(place, 'int32'));
}
