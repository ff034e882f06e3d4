import type { Residual } from '@vqkit/residual';
import type { Graph } from '../graph.ts';
import { readState, type Weights } from '../state.ts';
import { any, columns, isPadding, joined, project, type Translation, type Translator } from './translation.ts';

/** A residual stack of whatever quantizers, layer after layer. */
export const residual: Translator = {
  members: 'layers',
  async translate(quantizer, { path, member }) {
    const stack = quantizer as Residual<{ quantizeDropout: boolean }>;
    const { layers, scales, softClamp } = stack;
    const state = await readState(stack.stateDict());
    const members: Translation[] = [];
    for (const [j, layer] of layers.entries())
      members.push(
        await member(layer, `${path}.layers.${layers.indexOf(layer)}`).then((own) => scaled(own, scales[j] ?? 1)),
      );
    const starts = layers.map((_, j) => layers.slice(0, j + 1).reduce((sum, own) => sum + own.numCodebooks, 0));
    const idsOf = (graph: Graph, ids: string, j: number): string =>
      columns(graph, ids, starts[j - 1] ?? 0, starts[j] as number);
    const out = (graph: Graph, codes: string): string => project(graph, codes, { state, path, name: 'project_out' });
    const sum = (graph: Graph, ids: string, of: 'codes' | 'decode'): string =>
      members
        .map((own, j) => own[of](graph, idsOf(graph, ids, j)))
        .reduce((total, code) => graph.node('Add', [total, code]));
    return {
      encode(graph, tokens) {
        let left = framed(graph, tokens, { state, path, softClamp });
        const ids: string[] = [];
        for (const [j, own] of members.entries()) {
          const found = own.encode(graph, left);
          ids.push(found);
          if (j + 1 < members.length) left = graph.node('Sub', [left, own.codes(graph, found)]);
        }
        return joined(graph, ids);
      },
      codes: (graph, ids) => out(graph, sum(graph, ids, 'codes')),
      decode(graph, ids) {
        const codes = out(
          graph,
          sum(
            graph,
            marked(
              graph,
              ids,
              layers.map((_, j) => idsOf(graph, ids, j)),
              stack.config.quantizeDropout,
            ),
            'decode',
          ),
        );
        return state.has('project_out.weight')
          ? graph.node('Where', [isPadding(graph, ids), graph.floats([0], []), codes])
          : codes;
      },
    };
  },
};

/** Before the first layer: a projection, and the bound v tanh(x / v). */
function framed(
  graph: Graph,
  tokens: string,
  { state, path, softClamp }: { state: Weights; path: string; softClamp: readonly number[] | undefined },
): string {
  const x = project(graph, tokens, { state, path, name: 'project_in' });
  if (softClamp === undefined) return x;
  const v = graph.floats(softClamp);
  const tanh = graph.node('Tanh', [graph.cast(graph.node('Div', [x, v]), 'float64')]);
  return graph.node('Mul', [graph.cast(tanh, 'float32'), v]);
}

/** A layer at its scale: of x / s, its codes times s. */
function scaled(layer: Translation, scale: number | readonly number[]): Translation {
  const values = typeof scale === 'number' ? [scale] : scale;
  if (values.every((value) => value === 1)) return layer;
  return {
    encode: (graph, x) => layer.encode(graph, graph.node('Div', [x, graph.floats(values)])),
    codes: (graph, ids) => graph.node('Mul', [layer.codes(graph, ids), graph.floats(values)]),
    decode: (graph, ids) => graph.node('Mul', [layer.decode(graph, ids), graph.floats(values)]),
  };
}

/** -2, which every layer makes NaN of, for all ids of a token that lacks one where it must have one. */
function marked(graph: Graph, ids: string, layers: readonly string[], dropout: boolean): string {
  if (layers.length === 1) return ids;
  const present = joined(
    graph,
    layers.map((own) => graph.cast(graph.node('Not', [isPadding(graph, own)]), 'int32')),
  );
  const before = columns(graph, present, 0, layers.length - 1);
  const after = columns(graph, present, 1, layers.length);
  const wrong = dropout
    ? graph.node('Greater', [after, before])
    : graph.node('Not', [graph.node('Equal', [after, before])]);
  return graph.node('Where', [any(graph, wrong), graph.int32([-2], []), ids]);
}
