import { requireOption } from '@vqkit/core-tensor/check';
import type { CodecExtras, Projection, RowProjector } from '@vqkit/core-tensor/codec';
import { requireFrames, type StackCodec } from './stack-codec.ts';

/**
 * A stack between projections: latents are projected in, quantized, and projected out. Products are summed in float64 and rounded to float32 once, where
 * a library's float32 sums may put a latent that is nearly as near to another code there.
 *
 * @param into of [inner.dim, dim] and `out` of [dim, inner.dim].
 * @param extras `kernels` from `loadKernels` of @vqkit/backend-wasm/codec project with SIMD, to the same bits.
 * @example
 * const inner = layerOf(createFsqCodec({ levels: [3] }));
 * const codec = createProjectedCodec(inner, { weight: Float32Array.of(1, -1) }, { weight: Float32Array.of(1, 0) });
 * codec.decode(codec.encode(new Float32Array([3, 1]))); // [ 1, 0 ]
 */
export function createProjectedCodec(
  inner: StackCodec,
  into: Projection,
  out: Projection,
  { kernels }: CodecExtras = {},
): StackCodec {
  const where = 'createProjectedCodec';
  const dim = into.weight.length / inner.dim;
  const fits = Number.isInteger(dim) && out.weight.length === into.weight.length;
  requireOption(
    fits,
    where,
    'out.weight',
    `of ${into.weight.length} values, as into.weight`,
    out.weight.length,
    'Pass [dim, inner.dim].',
  );
  const projectIn = projectorOf(into, dim, inner.dim, kernels);
  const back = (codes: Float32Array): Float32Array => project(codes, out, inner.dim, dim, kernels);
  const [size = 0] = inner.codebookSizes;
  const hasTable = inner.strides.length === 1 && inner.block === 1 && size * dim <= MOST_TABLE;
  let table: Float32Array | undefined;
  /** As soon as there are as many frames as codes, each code is projected once. */
  const addRows = (ids: readonly Int32Array[], sum: Float32Array, sign: number): boolean => {
    const [own] = ids;
    if (!hasTable || own === undefined || (table === undefined && own.length < size)) return false;
    // Those of another codec are refused by name when they are decoded one by one.
    if (own.length * dim !== sum.length || own.some((id) => id < 0 || id >= size)) return false;
    table ??= back(inner.decode([Int32Array.from({ length: size }, (_, k) => k)]));
    const rows = table;
    for (let n = 0, k = 0; n < own.length; n++) {
      const first = (own[n] as number) * dim;
      for (let i = first; i < first + dim; i++, k++) sum[k] = (sum[k] as number) + sign * (rows[i] as number);
    }
    return true;
  };
  return {
    dim,
    block: inner.block,
    structure: { kind: 'projected', inner, into: only(into), out: only(out) },
    codebookSizes: inner.codebookSizes,
    strides: inner.strides,
    encode(latents, options) {
      requireFrames(`${where}().encode`, latents, dim, 1, options?.frames);
      const frames = latents.length / dim;
      const inside = new Float32Array(frames * inner.dim);
      projectIn(latents, inside, frames);
      return inner.encode(inside, options);
    },
    decode(ids) {
      const rows = new Float32Array((ids[0]?.length ?? 0) * Math.round((inner.strides[0] as number) * dim));
      return addRows(ids, rows, 1) ? rows : back(inner.decode(ids));
    },
    ...(hasTable && { addDecoded: addRows }),
  };
}

/** Values of a table of projected codes: 16 MB. */
const MOST_TABLE = 2 ** 22;

/** A projection without what else its maker knows. */
function only({ weight, bias }: Projection): Projection {
  return { weight, bias };
}

/** Outputs that are summed together, of two frames at a time: each number is loaded once for several of the eight sums. */
const OUTPUTS = 4;

/**
 * `W x + b` of every row, summed in float64 from b on, feature by feature, and rounded once.
 *
 * @param rows [N, columns].
 * @returns [N, outputs].
 * @example
 * project(Float32Array.of(3, 1), { weight: Float32Array.of(1, -1) }, 2, 1); // [ 2 ]
 */
export function project(
  rows: Float32Array,
  projection: Projection,
  columns: number,
  outputs: number,
  kernels?: CodecExtras['kernels'],
): Float32Array {
  const frames = rows.length / columns;
  const output = new Float32Array(frames * outputs);
  projectorOf(projection, columns, outputs, kernels)(rows, output, frames);
  return output;
}

function projectorOf(
  projection: Projection,
  columns: number,
  outputs: number,
  kernels: CodecExtras['kernels'],
): RowProjector {
  return kernels?.projector(projection, columns, outputs) ?? plainProjector(projection, columns, outputs);
}

function plainProjector({ weight, bias }: Projection, columns: number, outputs: number): RowProjector {
  // Room for the last block of outputs, and for the second frame of an odd one.
  const weights = new Float64Array(Math.ceil(outputs / OUTPUTS) * OUTPUTS * columns);
  weights.set(weight);
  const pair = new Float64Array(2 * columns);
  const sums = new Float64Array(2 * OUTPUTS);
  return (rows, output, frames) => {
    for (let n = 0; n < frames; n += 2) {
      const here = Math.min(2, frames - n);
      for (let i = 0, x = n * columns; i < here * columns; i++, x++) pair[i] = rows[x] as number;
      for (let j = 0; j < outputs; j += OUTPUTS) {
        dotBlock(weights, j * columns, pair, columns, bias, j, sums);
        for (let f = 0; f < here; f++)
          for (let o = 0; o < OUTPUTS && j + o < outputs; o++)
            output[(n + f) * outputs + j + o] = sums[f * OUTPUTS + o] as number;
      }
    }
  };
}

/** The sums of four outputs for two frames, each from the bias on, feature by feature. */
function dotBlock(
  weights: Float64Array,
  at: number,
  pair: Float64Array,
  columns: number,
  bias: Float32Array | undefined,
  first: number,
  sums: Float64Array,
): void {
  let a0 = bias?.[first] ?? 0;
  let a1 = bias?.[first + 1] ?? 0;
  let a2 = bias?.[first + 2] ?? 0;
  let a3 = bias?.[first + 3] ?? 0;
  let b0 = a0;
  let b1 = a1;
  let b2 = a2;
  let b3 = a3;
  for (let i = 0, k = at; i < columns; i++, k++) {
    const a = pair[i] as number;
    const b = pair[columns + i] as number;
    const k0 = weights[k] as number;
    const k1 = weights[k + columns] as number;
    const k2 = weights[k + 2 * columns] as number;
    const k3 = weights[k + 3 * columns] as number;
    a0 += k0 * a;
    a1 += k1 * a;
    a2 += k2 * a;
    a3 += k3 * a;
    b0 += k0 * b;
    b1 += k1 * b;
    b2 += k2 * b;
    b3 += k3 * b;
  }
  sums[0] = a0;
  sums[1] = a1;
  sums[2] = a2;
  sums[3] = a3;
  sums[4] = b0;
  sums[5] = b1;
  sums[6] = b2;
  sums[7] = b3;
}
