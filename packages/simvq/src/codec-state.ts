import { requireOption } from '@vqkit/core-tensor/check';
import { requireInCodec } from '@vqkit/core-tensor/codec';
import { ShapeError, show } from '@vqkit/core-tensor/errors';
import type { CodeOptions } from './code-options.ts';
import type { SimVqConfig } from './options.ts';

/** A tensor as plain data, row-major, such as `@vqkit/checkpoint` reads from a file. */
export interface PlainTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** The codes, and what they were made of. */
export interface PlainCodes {
  /** [K, dim]. */
  readonly codebook: Float32Array;
  /** Only where codes are F Wᵀ + b: F [K, frozenCodebookDim], W [dim, frozenCodebookDim], b [dim], zeros without bias. */
  readonly linear?: { readonly frozen: Float32Array; readonly weight: Float32Array; readonly bias: Float32Array };
}

/** Checks the state and computes the codebook. */
export function readState(
  where: string,
  { dim, codebookSize, frozenCodebookDim, transformBias }: Pick<SimVqConfig, CodeOptions>,
  transform: unknown,
  state: Readonly<Record<string, PlainTensor>>,
): PlainCodes {
  const given = Object.keys(state ?? {});
  const hasCodebook = given.includes('codebook');
  requireInCodec(
    hasCodebook || transform === 'linear',
    where,
    'codebookTransform',
    "'linear' unless the state is a codebook",
    transform,
    'Pass { codebook }, the result of decode for all indices, in place of the weights.',
  );
  const weights = ['frozen_codebook', 'code_transform.weight', ...(transformBias ? ['code_transform.bias'] : [])];
  const keys = hasCodebook ? ['codebook'] : weights;
  requireOption(
    given.length === keys.length && keys.every((key) => given.includes(key)),
    where,
    'state',
    `an object with exactly the keys ${show(keys)}`,
    given,
    'Pass the state of a quantizer of the same configuration, or { codebook }.',
  );
  const read = (key: string, shape: readonly number[]): Float32Array => readTensor(where, key, state[key], shape);
  if (hasCodebook) return { codebook: read('codebook', [codebookSize, dim]) };

  const frozen = read('frozen_codebook', [codebookSize, frozenCodebookDim]);
  const weight = read('code_transform.weight', [dim, frozenCodebookDim]);
  const bias = transformBias ? read('code_transform.bias', [dim]) : new Float32Array(dim);
  const codebook = new Float32Array(codebookSize * dim);
  for (let k = 0; k < codebookSize; k++) {
    for (let j = 0; j < dim; j++) {
      let sum = bias[j] as number;
      for (let i = 0; i < frozenCodebookDim; i++) {
        sum += (frozen[k * frozenCodebookDim + i] as number) * (weight[j * frozenCodebookDim + i] as number);
      }
      codebook[k * dim + j] = sum;
    }
  }
  return { codebook, linear: { frozen, weight, bias } };
}

function readTensor(where: string, key: string, value: unknown, shape: readonly number[]): Float32Array {
  const { shape: given, data } = (value ?? {}) as Partial<PlainTensor>;
  const size = shape.reduce((product, length) => product * length, 1);
  if (show(given) !== show(shape) || data?.length !== size) {
    throw new ShapeError(
      `${where}: state['${key}'] must be { shape: ${show(shape)}, data: ${size} values }, got shape ${show(given)} and ${data?.length} values. Pass plain arrays of a quantizer of the same configuration.`,
    );
  }
  return Float32Array.from(data);
}
