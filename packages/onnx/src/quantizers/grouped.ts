import type { Quantizer } from '@vqkit/core-tensor';
import type { Grouped } from '@vqkit/residual';
import type { Graph } from '../graph.ts';
import { any, columns, isPadding, joined, type Translation, type Translator } from './translation.ts';

/** Groups of features, each with a quantizer of its own. */
export const grouped: Translator = {
  members: 'groups',
  async translate(quantizer, { path, member }) {
    const { groups } = quantizer as Grouped;
    const members: Translation[] = [];
    for (const group of groups) members.push(await member(group, `${path}.groups.${groups.indexOf(group)}`));
    const partOf = (graph: Graph, x: string, g: number, size: (group: Quantizer) => number): string => {
      const start = groups.slice(0, g).reduce((sum, group) => sum + size(group), 0);
      return columns(graph, x, start, start + size(groups[g] as Quantizer));
    };
    const idsOf = (graph: Graph, ids: string, g: number): string =>
      partOf(graph, ids, g, ({ numCodebooks }) => numCodebooks);
    return {
      encode: (graph, tokens) =>
        joined(
          graph,
          members.map((own, g) =>
            own.encode(
              graph,
              partOf(graph, tokens, g, ({ dim }) => dim),
            ),
          ),
        ),
      codes: (graph, ids) =>
        joined(
          graph,
          members.map((own, g) => own.codes(graph, idsOf(graph, ids, g))),
        ),
      decode(graph, ids) {
        const parts = groups.map((_, g) => idsOf(graph, ids, g));
        const codes = joined(
          graph,
          members.map((own, g) => own.decode(graph, parts[g] as string)),
        );
        if (groups.length === 1) return codes;
        // A token is one in all groups or in none.
        const padding = joined(
          graph,
          parts.map((own) => isPadding(graph, own)),
        );
        const some = any(graph, padding);
        const mixed = graph.node('And', [some, graph.node('Not', [isPadding(graph, ids)])]);
        const broken = graph.node('Or', [mixed, any(graph, graph.node('IsNaN', [codes]))]);
        return graph.node('Where', [broken, graph.floats([Number.NaN], []), codes]);
      },
    };
  },
};
