import { tensor, tidy } from '@tensorflow/tfjs-core';
import { unitLength } from '@vqkit/core-tensor';
import type { VqConfig } from '@vqkit/vq';
import { readState, type Weight, type Weights } from '../state.ts';
import { type Codebook, gather, nearest } from './nearest.ts';
import { columns, joined, project, rowsOf, type Translator, withAnyIds } from './translation.ts';

/** VQ, with heads and for cosine similarity too. */
export const vq: Translator = {
  kind: 'VQ',
  async translate(quantizer, { path }) {
    const { heads, codebookDim: width, separateCodebookPerHead, ...config } = quantizer.config as VqConfig;
    const state = await readState(quantizer.stateDict());
    const codebooks = await codebooksOf(state, path, config);
    return withAnyIds(quantizer.codebookSize, {
      encode(graph, tokens) {
        const x = project(graph, tokens, { state, path, name: 'project_in' });
        if (!separateCodebookPerHead || heads === 1) {
          const rows = rowsOf(graph, x, heads * width, width);
          return rowsOf(graph, nearest(graph, rows, codebooks[0] as Codebook), 1, heads);
        }
        const ids = codebooks.map((own, h) => nearest(graph, columns(graph, x, h * width, (h + 1) * width), own));
        return joined(graph, ids);
      },
      codes(graph, ids) {
        const shared = codebooks.length === 1;
        const parts = codebooks.map((own, h) => gather(graph, shared ? ids : columns(graph, ids, h, h + 1), own));
        const codes = shared ? rowsOf(graph, parts[0] as string, width, heads * width) : joined(graph, parts);
        return project(graph, codes, { state, path, name: 'project_out' });
      },
    });
  },
};

/** The codebooks as the quantizer compares them: for cosine similarity on the sphere, which codes that a gradient moves may leave. */
async function codebooksOf(
  state: Weights,
  path: string,
  {
    useCosineSim,
    learnableCodebook,
    orthogonalRegWeight,
  }: Pick<VqConfig, 'useCosineSim' | 'learnableCodebook' | 'orthogonalRegWeight'>,
): Promise<Codebook[]> {
  const { shape, values } = state.get('_codebook.embed') as Weight;
  const [books = 1, count = 0, width = 0] = shape;
  const byGradient = learnableCodebook || orthogonalRegWeight > 0;
  return Promise.all(
    Array.from({ length: books }, async (_, b): Promise<Codebook> => {
      const held = { shape: [count, width], values: values.subarray(b * count * width, (b + 1) * count * width) };
      const unit = useCosineSim && byGradient;
      const read = unit
        ? await readState({ codes: tidy(() => unitLength(tensor(held.values, [count, width]), 1)) })
        : undefined;
      const name = books === 1 ? `${path}.codebook` : `${path}.codebook.${b}`;
      return { name, table: read?.get('codes') ?? held, cosine: useCosineSim };
    }),
  );
}
