import { requireOption } from '@vqkit/core-tensor/check';
import { requireInCodec } from '@vqkit/core-tensor/codec';
import { ShapeError, show } from '@vqkit/core-tensor/errors';
import { floatsOf, type PlainTensor } from '@vqkit/core-tensor/plain-tensor';
import type { SimVqCodeConfig } from './code-options.ts';

/** The codes, and what they were made of. */
export interface PlainCodes {
  /** [K, dim]. */
  readonly codebook: Float32Array;
  /** Only where codes are F Wᵀ + b: F [K, frozenCodebookDim], W [dim, frozenCodebookDim], b [dim], zeros without bias. */
  readonly linear?: { readonly frozen: Float32Array; readonly weight: Float32Array; readonly bias: Float32Array };
}

const FIX = 'Pass the state of a quantizer of the same configuration.';

/** Checks the state and computes the codebook. */
export function readState(
  where: string,
  { dim, codebookSize, frozenCodebookDim, transformBias }: SimVqCodeConfig,
  transform: unknown,
  state: Readonly<Record<string, PlainTensor>>,
): PlainCodes {
  const given = Object.keys(state ?? {}).sort();
  const hasCodebook = given.includes('codebook');
  requireInCodec(
    hasCodebook || transform === 'linear',
    where,
    'codebookTransform',
    "'linear' unless the state is a codebook",
    transform,
    'Pass { codebook } instead: what decode gives for all indices.',
  );
  const weights = [...(transformBias ? ['code_transform.bias'] : []), 'code_transform.weight', 'frozen_codebook'];
  const keys = hasCodebook ? ['codebook'] : weights;
  requireOption(
    given.join() === keys.join(),
    where,
    'state',
    `an object with exactly the keys ${show(keys)}`,
    given,
    FIX,
  );
  const read = (key: string, shape: readonly number[]): Float32Array => {
    const tensor = state[key] as PlainTensor;
    const { shape: given, data } = (tensor ?? {}) as Partial<PlainTensor>;
    const size = shape.reduce((product, length) => product * length, 1);
    if (show(given) === show(shape) && data?.length === size) return floatsOf(where, key, tensor).slice();
    throw new ShapeError(
      `${where}: state['${key}'] must be { shape: ${show(shape)}, data: ${size} values }, got shape ${show(given)} and ${data?.length} values. ${FIX}`,
    );
  };
  if (hasCodebook) return { codebook: read('codebook', [codebookSize, dim]) };

  const frozen = read('frozen_codebook', [codebookSize, frozenCodebookDim]);
  const weight = read('code_transform.weight', [dim, frozenCodebookDim]);
  const bias = transformBias ? read('code_transform.bias', [dim]) : new Float32Array(dim);
  const codebook = new Float32Array(codebookSize * dim);
  for (let k = 0; k < codebookSize; k++) {
    const row = frozen.subarray(k * frozenCodebookDim, (k + 1) * frozenCodebookDim);
    codebook.set(affine(row, weight, bias), k * dim);
  }
  return { codebook, linear: { frozen, weight, bias } };
}

/** W v + b in float64, W row by row. */
export function affine(v: Float32Array | Float64Array, weight: Float32Array, bias: Float32Array): Float64Array {
  return Float64Array.from(bias, (sum, j) => {
    const row = j * v.length;
    for (let i = 0; i < v.length; i++) sum += (v[i] as number) * (weight[row + i] as number);
    return sum;
  });
}
