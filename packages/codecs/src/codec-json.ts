import type { Projection, StackStructure } from '@vqkit/residual/codec';
import type { PublishedCodec } from './extract.ts';
import type { LayerOf, LayerParts } from './layers.ts';

/**
 * What a quantizer is made of, as JSON, for programs that read it by themselves: matrices are lists of rows, numbers have the nine digits that tell float32
 * apart, weight norm is folded.
 *
 * @example
 * const weight = { dtype: 'F32', shape: [2, 2], data: new Float32Array([1, 0, 0, 1]) } as const;
 * const codec = await loadCodec(encodeSafetensors({ 'quantizer.vq.layers.0._codebook.embed': weight }));
 * codecJson(codec); // {"model":"encodec","dim":2,"codebookSizes":[2],"strides":[1],"kind":"residual","strides":[1],"layers":[…]}
 */
export function codecJson(codec: PublishedCodec): string {
  const { model, dim, codebookSizes, strides } = codec;
  return JSON.stringify({ model, dim, codebookSizes, strides, ...partsOf(codec) });
}

type Stack = Pick<PublishedCodec, 'dim' | 'structure'>;

/** What a part of a stack is made of, by its kind. */
const OF_KIND: { readonly [Kind in StackStructure['kind']]: (part: Structure<Kind>, dim: number) => object } = {
  quantizer: ({ quantizer }) => layerOf(quantizer as LayerParts),
  residual: ({ strides, layers }) => ({ strides, layers: layers.map(partsOf) }),
  parallel: ({ branches }) => ({ branches: branches.map(partsOf) }),
  projected: ({ inner, into, out }, dim) => ({
    project_in: linearOf(into, dim),
    project_out: linearOf(out, inner.dim),
    inner: partsOf(inner),
  }),
  multiScale: ({ inner, scales, up, phi }, dim) => ({
    scales,
    up,
    phi: phi?.map(({ weight, bias, ratio }) => {
      return { ratio, shape: [dim, dim, 3, 3], weight: numbersOf(weight), ...(bias && { bias: numbersOf(bias) }) };
    }),
    inner: partsOf(inner),
  }),
};
type Structure<Kind> = Extract<StackStructure, { kind: Kind }>;

/** What a layer is made of, by its method. */
const OF_METHOD: { readonly [Method in LayerParts['method']]: (parts: LayerOf<Method>) => object } = {
  fsq: ({ options }) => options,
  lfq: ({ options }) => options,
  simvq: ({ options, state }) => {
    const tensors = Object.entries(state).map(([name, { shape, data }]) => [name, { shape, data: numbersOf(data) }]);
    return { ...options, state: Object.fromEntries(tensors) };
  },
  vq: ({ options, unitInput, codebook: { columns, values } }) => ({
    ...options,
    unitInput,
    codebook: rowsOf(values, columns),
  }),
};

function partsOf({ dim, structure }: Stack): object {
  const parts = OF_KIND[structure.kind] as (part: StackStructure, dim: number) => object;
  return { kind: structure.kind, ...parts(structure, dim) };
}

function layerOf(layer: LayerParts): object {
  const parts = OF_METHOD[layer.method] as (parts: LayerParts) => object;
  return { kind: layer.method, ...parts(layer) };
}

function linearOf({ weight, bias }: Projection, columns: number): object {
  return { weight: rowsOf(weight, columns), ...(bias && { bias: numbersOf(bias) }) };
}

function numbersOf(values: ArrayLike<number | bigint>): number[] {
  return Array.from(values, (value) => Number(Number(value).toPrecision(9)));
}

function rowsOf(values: Float32Array, columns: number): number[][] {
  return Array.from({ length: values.length / columns }, (_, row) =>
    numbersOf(values.subarray(row * columns, (row + 1) * columns)),
  );
}
