import { readState, type Weight } from '../state.ts';
import { gather, nearest } from './nearest.ts';
import { type Translator, withAnyIds } from './translation.ts';

/** SimVQ: the transform is applied to the frozen vectors once, when the file is written, whatever it is; the file has the codes. */
export const simvq: Translator = {
  kind: 'SimVQ',
  async translate(quantizer, { path }) {
    const codes = quantizer.codebook?.().clone();
    const table = (await readState(codes === undefined ? {} : { codes })).get('codes') as Weight;
    const codebook = { name: `${path}.codebook`, table, cosine: false };
    return withAnyIds(quantizer.codebookSize, {
      encode: (graph, tokens) => nearest(graph, tokens, codebook),
      codes: (graph, ids) => gather(graph, ids, codebook),
    });
  },
};
