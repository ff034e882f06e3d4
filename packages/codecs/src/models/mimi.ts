import type { CodecExtras } from '@vqkit/core-tensor/codec';
import { createParallelCodec, createProjectedCodec, createResidualCodec, type StackCodec } from '@vqkit/residual/codec';
import { vqLayer } from '../layers.ts';
import { layersOf, linearOf, type Matrix, matrixOf, type View, vectorOf } from '../view.ts';
import type { CodecModel } from './model.ts';

/** How kyutai-labs/moshi and transformers name the same. */
const MOSHI = {
  first: 'rvq_first.',
  rest: 'rvq_rest.',
  layers: 'vq.',
  codes: '_codebook.',
  sum: 'embedding_sum',
  usage: 'cluster_usage',
};
const TRANSFORMERS = {
  first: 'semantic_residual_vector_quantizer.',
  rest: 'acoustic_residual_vector_quantizer.',
  layers: '',
  codes: 'codebook.',
  sum: 'embed_sum',
  usage: 'cluster_usage',
};
type Names = typeof MOSHI;

const formOf = ({ first, rest, layers, codes, sum }: Names): string[] => [
  `${first}${layers}layers.0.${codes}${sum}`,
  `${rest}${layers}layers.0.${codes}${sum}`,
];

/**
 * Mimi (arXiv:2410.00037): one layer of VQ for what is said, and a residual stack for how it sounds. Both quantize the same latents, each
 * between projections of its own, and their outputs are added. A code is embedding_sum / max(cluster_usage, 10⁻⁵).
 */
export const mimi: CodecModel = {
  name: 'mimi',
  source: 'the quantizer of kyutai-labs/moshi',
  forms: [formOf(MOSHI), formOf(TRANSFORMERS)],
  async load(view, extras) {
    const names = view.has(formOf(MOSHI)[0] as string) ? MOSHI : TRANSFORMERS;
    return createParallelCodec([
      await branch(view.at(names.first), names, extras),
      await branch(view.at(names.rest), names, extras),
    ]);
  },
};

async function branch(view: View, { layers, codes, sum, usage }: Names, extras: CodecExtras): Promise<StackCodec> {
  const found = layersOf(view.at(layers), 'layers', (layer) => layer.has(codes + sum));
  const books = await Promise.all(found.map(async (layer) => means(layer.at(codes), sum, usage)));
  const stack = createResidualCodec(books.map((book) => vqLayer(book, extras)));
  const into = await linearOf(view.at('input_proj.'), stack.dim);
  return createProjectedCodec(stack, into, await linearOf(view.at('output_proj.'), into.columns, stack.dim), extras);
}

async function means(view: View, sum: string, usage: string): Promise<Matrix> {
  const sums = await matrixOf(view, sum);
  const uses = await vectorOf(view, usage, sums.rows);
  const least = Math.fround(1e-5);
  const values = sums.values.map((value, i) => value / Math.max(uses[Math.floor(i / sums.columns)] as number, least));
  return { ...sums, values };
}
