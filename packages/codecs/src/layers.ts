import { requireInteger } from '@vqkit/core-tensor/check';
import type { CodecExtras } from '@vqkit/core-tensor/codec';
import { createDirectSearch, decodeRows } from '@vqkit/core-tensor/plain-search';
import type { PlainTensor } from '@vqkit/core-tensor/plain-tensor';
import { type FsqOptions, levelMethod } from '@vqkit/fsq/codec';
import { type LfqOptions, signMethod } from '@vqkit/lfq/codec';
import { layerOfMethod, type Projection, project, type StackCodec } from '@vqkit/residual/codec';
import type { SimVqCodecOptions } from '@vqkit/simvq/codec';
import { searchDirections, searchProducts, searchUnits, unitCodes, type VqCodecOptions } from '@vqkit/vq/codec';
import { WHERE } from './extract.ts';
import { MOST_BITS } from './models/model.ts';
import type { Matrix } from './view.ts';

/** What a layer was made of, which `structure` of its stack gives: all that a trainable one needs. */
export type LayerParts =
  | { readonly method: 'fsq'; readonly options: FsqOptions }
  | { readonly method: 'lfq'; readonly options: LfqOptions }
  | { readonly method: 'simvq'; readonly options: SimVqCodecOptions; readonly state: State }
  | {
      readonly method: 'vq';
      readonly options: VqCodecOptions;
      readonly codebook: Matrix;
      readonly unitInput?: boolean;
    };

/** What a layer of one method was made of. */
export type LayerOf<Method> = Extract<LayerParts, { method: Method }>;

type State = Readonly<Record<string, PlainTensor>>;

/** As `createVq` has it. */
const MOST_CODES = 2 ** 24;

export function fsqLayer(
  options: Required<Pick<FsqOptions, 'levels' | 'bound'>>,
  { kernels }: CodecExtras,
): StackCodec {
  const codes = options.levels.reduce((product, level) => product * level, 1);
  requireInteger(WHERE, 'the codes of an id', codes, 1);
  const method = levelMethod({ ...options, numCodebooks: 1, preserveSymmetry: false }, kernels);
  return layerOfMethod(method, { method: 'fsq', options } satisfies LayerParts);
}

/** Signs of `bits` features, in ids of `perId` bits. */
export function lfqLayer(
  bits: number,
  perId: number,
  options: Pick<LfqOptions, 'codebookScale' | 'bitOrder'>,
  { kernels }: CodecExtras,
): StackCodec {
  requireInteger(WHERE, 'the bits of an id', perId, 1, MOST_BITS);
  const numCodebooks = bits / perId;
  requireInteger(WHERE, `the ids of ${bits} bits`, numCodebooks, 1);
  const { codebookScale: scale = 1, bitOrder } = options;
  const method = signMethod({ bits: perId, numCodebooks, scale, lsbFirst: bitOrder === 'lsbFirst' }, kernels);
  const whole = { dim: bits, codebookSize: 2 ** perId, numCodebooks, ...options };
  return layerOfMethod(method, { method: 'lfq', options: whole } satisfies LayerParts);
}

/** Codes that a linear layer makes of frozen rows. */
export function simVqLayer(frozen: Matrix, { weight, bias }: Projection, extras: CodecExtras): StackCodec {
  const { rows, columns, values } = frozen;
  const state = {
    frozen_codebook: { dtype: 'F32', shape: [rows, columns], data: values },
    'code_transform.weight': { dtype: 'F32', shape: [columns, columns], data: weight },
    'code_transform.bias': { dtype: 'F32', shape: [columns], data: bias ?? new Float32Array(columns) },
  };
  const options = { dim: columns, codebookSize: rows, transformBias: true };
  const codes = { rows, columns, values: project(values, { weight, bias }, columns, columns, extras.kernels) };
  return layerOfCodes(codes, createDirectSearch, extras, { method: 'simvq', options, state });
}

/** The nearest row of a codebook. */
export function vqLayer(codebook: Matrix, extras: CodecExtras): StackCodec {
  return layerOfCodes(codebook, createDirectSearch, extras, vqParts(codebook));
}

/** The row of nearest direction, which comes out as it is. */
export function directionLayer(codebook: Matrix, extras: CodecExtras): StackCodec {
  return layerOfCodes(codebook, searchDirections, extras, vqParts(codebook, { metric: 'cosine' }));
}

/** The row of nearest direction, at length 1. */
export function unitLayer(codebook: Matrix, extras: CodecExtras): StackCodec {
  const unit = { ...codebook, values: unitCodes(codebook.values, codebook.columns) };
  return layerOfCodes(codebook, searchUnits, extras, vqParts(codebook, { useCosineSim: true }), unit);
}

/** The row of the largest product. */
export function productLayer(codebook: Matrix, extras: CodecExtras): StackCodec {
  return layerOfCodes(codebook, searchProducts, extras, vqParts(codebook, { metric: 'dot' }));
}

/** The row that is nearest to the latents at length 1; it comes out as it is. */
export function vqLayerOfUnits(codebook: Matrix, extras: CodecExtras): StackCodec {
  const { columns } = codebook;
  const search: typeof createDirectSearch = (book, kernels) => {
    const encode = createDirectSearch(book, kernels);
    return (input, indices, tokens) => encode(atLengthOne(input, columns), indices, tokens);
  };
  return layerOfCodes(codebook, search, extras, { ...vqParts(codebook), unitInput: true });
}

function vqParts(
  codebook: Matrix,
  options: Pick<VqCodecOptions, 'metric' | 'useCosineSim'> = {},
): Extract<LayerParts, { method: 'vq' }> {
  return { method: 'vq', options: { ...options, dim: codebook.columns, codebookSize: codebook.rows }, codebook };
}

/** Finds a row, and gives the same row of `given`. */
function layerOfCodes(
  { rows, columns, values }: Matrix,
  search: typeof createDirectSearch,
  { kernels }: CodecExtras,
  parts: LayerParts,
  given: Matrix = { rows, columns, values },
): StackCodec {
  requireInteger(WHERE, 'the codes of a layer', rows, 1, MOST_CODES);
  const method = {
    where: WHERE,
    dim: columns,
    codebookSize: rows,
    numCodebooks: 1,
    encodeTokens: search({ codes: values, dim: columns }, kernels),
    decodeTokens: decodeRows(given.values, columns),
  };
  return layerOfMethod(method, parts);
}

/** x / max(‖x‖, 10⁻¹²) of every row, as torch.nn.functional.normalize. */
function atLengthOne(rows: Float32Array, width: number): Float32Array {
  const unit = rows.slice();
  for (let start = 0; start < rows.length; start += width) {
    const row = unit.subarray(start, start + width);
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) / Math.max(length, 1e-12);
  }
  return unit;
}
