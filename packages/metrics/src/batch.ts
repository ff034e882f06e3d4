import { requireInteger, requireKnownOptions, requireOption } from '@vqkit/core-tensor/check';
import { DataError, DtypeError, phrase, ShapeError } from '@vqkit/core-tensor/errors';
import { type LatentMoments, latentMoments } from './latent-moments.ts';
import { checkIndices } from './usage.ts';

const UPDATE = 'createTracker().update';

/** What one batch tells the tracker. Everything but `indices` is optional; a report has only what it was told. */
export interface TrackerUpdate {
  /** N · numCodebooks token ids, a token's codebooks beside each other as `quantize` returns them; -1 is padding. */
  readonly indices: Int32Array;
  /** N weights; 0 or false marks padding, which takes part in no statistic. Index -1 does the same without a mask. */
  readonly mask?: ArrayLike<number | boolean> | undefined;
  /** N · dim elements: the vectors that were quantized, in the space where the codes live (for FSQ: after the bound). */
  readonly latents?: Float32Array | undefined;
  /** N · dim elements: the quantized vector of each token. Needs `latents`. */
  readonly codes?: Float32Array | undefined;
  /** Features per token. Default `latents.length / N`; must stay the same from update to update. */
  readonly dim?: number | undefined;
  /** Mean entropy of a token's code probabilities, nats (`losses.perSampleEntropy` of LFQ). */
  readonly perSampleEntropy?: number | undefined;
  /** Entropy of the batch's mean code probabilities, nats (`losses.codebookEntropy` of LFQ). */
  readonly codebookEntropy?: number | undefined;
}

/** A batch that has passed every check. */
export interface CheckedBatch {
  /** A copy, with -1 wherever the mask is 0. */
  readonly indices: Int32Array;
  /** Tokens that count. */
  readonly tokens: number;
  readonly ignoredTokens: number;
  readonly maskedTokensWithIndex: number;
  readonly dim: number | undefined;
  /** Undefined without latents. */
  readonly moments: LatentMoments | undefined;
  readonly perSampleEntropy: number | undefined;
  readonly codebookEntropy: number | undefined;
}

const KEYS = ['indices', 'mask', 'latents', 'codes', 'dim', 'perSampleEntropy', 'codebookEntropy'] as const;

/**
 * Checks a batch and sums it up.
 * @param dimBefore features per token in earlier updates.
 */
export function checkBatch(
  batch: TrackerUpdate,
  codebookSize: number,
  numCodebooks: number,
  dimBefore: number | undefined,
): CheckedBatch {
  requireKnownOptions(UPDATE, batch, KEYS);
  const { indices, mask, latents, codes, perSampleEntropy, codebookEntropy } = batch;
  checkIndices(UPDATE, indices, codebookSize);
  if (indices.length % numCodebooks !== 0) {
    throw new ShapeError(
      UPDATE,
      'indices',
      `hold ${numCodebooks} per token (numCodebooks)`,
      phrase(`${indices.length} in all`, indices.length),
      'Pass what quantize() or encode() returned.',
    );
  }
  const given = indices.length / numCodebooks;
  if (mask !== undefined && mask.length !== given) {
    throw new ShapeError(
      UPDATE,
      'mask',
      `have one value per token, ${given}`,
      mask.length,
      'Pass the mask that quantize() was given.',
    );
  }
  requireEntropy('perSampleEntropy', perSampleEntropy);
  requireEntropy('codebookEntropy', codebookEntropy);
  const dim = checkLatents(batch, given, dimBefore);
  const { counted, ...masked } = applyMask(indices, mask, numCodebooks);
  return {
    ...masked,
    tokens: given - masked.ignoredTokens,
    dim,
    moments:
      latents === undefined || dim === undefined ? undefined : latentMoments(UPDATE, latents, codes, dim, counted),
    perSampleEntropy,
    codebookEntropy,
  };
}

/** `counted` is 1 for the tokens that are not masked and have an index in at least one codebook. */
function applyMask(
  given: Int32Array,
  mask: TrackerUpdate['mask'],
  numCodebooks: number,
): Pick<CheckedBatch, 'indices' | 'ignoredTokens' | 'maskedTokensWithIndex'> & { counted: Uint8Array } {
  const indices = Int32Array.from(given);
  const counted = new Uint8Array(given.length / numCodebooks);
  let ignoredTokens = 0;
  let maskedTokensWithIndex = 0;
  for (let n = 0; n < counted.length; n++) {
    const [from, to] = [n * numCodebooks, (n + 1) * numCodebooks];
    let hasIndex = false;
    for (let i = from; i < to; i++) hasIndex ||= (given[i] as number) >= 0;
    const masked = mask !== undefined && !mask[n];
    if (masked) indices.fill(-1, from, to);
    if (masked && hasIndex) maskedTokensWithIndex++;
    if (hasIndex && !masked) counted[n] = 1;
    else ignoredTokens++;
  }
  return { indices, counted, ignoredTokens, maskedTokensWithIndex };
}

function requireEntropy(name: string, value: number | undefined): void {
  if (value === undefined || Number.isFinite(value)) return;
  throw new DataError(UPDATE, name, 'be a finite number of nats', value, 'Look for a diverging loss before it.');
}

/** Checks types and lengths of latents and codes; gives the number of features. */
function checkLatents(batch: TrackerUpdate, tokens: number, dimBefore: number | undefined): number | undefined {
  const { latents, codes } = batch;
  if (latents === undefined) {
    requireOption(codes === undefined, UPDATE, 'latents', 'given when codes are', latents, 'Pass both.');
    return undefined;
  }
  const arrays: readonly (readonly [string, Float32Array])[] = [
    ['latents', latents],
    ...(codes === undefined ? [] : [['codes', codes] as const]),
  ];
  for (const [name, data] of arrays) {
    if (data instanceof Float32Array) continue;
    throw new DtypeError(UPDATE, name, 'be a Float32Array', data, `Pass await ${name}.data().`);
  }
  const dim = batch.dim ?? dimBefore ?? (tokens === 0 ? undefined : latents.length / tokens);
  if (dim !== undefined) requireInteger(UPDATE, batch.dim === undefined ? 'latents.length / N' : 'dim', dim, 1);
  if (dimBefore !== undefined && dim !== dimBefore) {
    throw new ShapeError(
      UPDATE,
      'dim',
      `stay ${dimBefore} as in earlier updates`,
      dim,
      'Call reset() before another quantizer.',
    );
  }
  const expected = tokens * (dim ?? 0);
  for (const [name, data] of arrays) {
    if (data.length === expected) continue;
    throw new ShapeError(
      UPDATE,
      name,
      `have ${tokens} tokens × ${dim ?? 0} features = ${expected} elements`,
      data.length,
      'Pass [N, dim], channels last.',
    );
  }
  return dim;
}
