import type { PublishedCodec } from './extract.ts';
import type { LayerParts } from './layers.ts';

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

function partsOf({ dim, structure }: Stack): object {
  const { kind } = structure;
  if (kind === 'residual') return { kind, strides: structure.strides, layers: structure.layers.map(partsOf) };
  if (kind === 'parallel') return { kind, branches: structure.branches.map(partsOf) };
  if (kind === 'projected') {
    const { inner, into, out } = structure;
    const linear = ({ weight, bias }: typeof into, columns: number): object => ({
      weight: rowsOf(weight, columns),
      ...(bias && { bias: numbersOf(bias) }),
    });
    return { kind, project_in: linear(into, dim), project_out: linear(out, inner.dim), inner: partsOf(inner) };
  }
  if (kind === 'multiScale') {
    const phi = structure.phi?.map(({ weight, bias, ratio }) => {
      return { ratio, shape: [dim, dim, 3, 3], weight: numbersOf(weight), ...(bias && { bias: numbersOf(bias) }) };
    });
    return { kind, scales: structure.scales, up: structure.up, phi, inner: partsOf(structure.inner) };
  }
  const parts = structure.quantizer as LayerParts;
  if (parts.method === 'vq') {
    const { columns, values } = parts.codebook;
    return { kind: 'vq', ...parts.options, unitInput: parts.unitInput, codebook: rowsOf(values, columns) };
  }
  if (parts.method !== 'simvq') return { kind: parts.method, ...parts.options };
  const state = Object.entries(parts.state).map(([name, { shape, data }]) => [name, { shape, data: numbersOf(data) }]);
  return { kind: 'simvq', ...parts.options, state: Object.fromEntries(state) };
}

function numbersOf(values: ArrayLike<number | bigint>): number[] {
  return Array.from(values, (value) => Number(Number(value).toPrecision(9)));
}

function rowsOf(values: Float32Array, columns: number): number[][] {
  return Array.from({ length: values.length / columns }, (_, row) =>
    numbersOf(values.subarray(row * columns, (row + 1) * columns)),
  );
}
