import { UnsupportedError } from '@vqkit/core-tensor';
import { type FsqConfig, fsqAttrs } from '@vqkit/fsq';
import { readState } from '../state.ts';
import { project, rotate, rowsOf, type Translator, withAnyIds } from './translation.ts';

/** Thresholds of one feature: the graph compares with all of them. */
const MOST_LEVELS = 1024;

/**
 * FSQ: the level of a feature is the number of its thresholds that it has reached, so that ids are those of vqkit wherever the features are. A threshold belongs
 * to the upper level; NaN is level 0.
 */
export const fsq: Translator = {
  kind: 'FSQ',
  async translate(quantizer, { where, path }) {
    const config = quantizer.config as FsqConfig;
    const { levels, numCodebooks } = config;
    const most = Math.max(...levels);
    if (most > MOST_LEVELS) {
      throw new UnsupportedError(
        where,
        'levels',
        `be at most ${MOST_LEVELS} in a feature, each of whose thresholds is compared with`,
        most,
        'Use several features of fewer levels.',
      );
    }
    const state = await readState(quantizer.stateDict());
    const { thresholds, centers, steps, basis } = fsqAttrs(levels, config);
    const width = levels.length;
    const whole = width * numCodebooks;
    // NaN, which nothing reaches, where a feature has fewer.
    const table = thresholds.flatMap((own) => Array.from({ length: most - 1 }, (_, j) => own[j] ?? Number.NaN));
    return withAnyIds(quantizer.codebookSize, {
      encode(graph, tokens) {
        const rows = rowsOf(graph, project(graph, tokens, { state, path, name: 'project_in' }), whole, width);
        const features = graph.node('Unsqueeze', [
          rotate(graph, rows, { state, path, inverse: false }),
          graph.int64([2]),
        ]);
        const reached = graph.node('GreaterOrEqual', [features, graph.floats(table, [width, most - 1])]);
        const level = graph.node('ReduceSum', [graph.cast(reached, 'int32'), graph.int64([2])], { keepdims: 0 });
        const digits = graph.node('Mul', [level, graph.int32(basis)]);
        return rowsOf(graph, graph.node('ReduceSum', [digits, graph.int64([1])]), 1, numCodebooks);
      },
      codes(graph, ids) {
        const digits = graph.node('Div', [rowsOf(graph, ids, numCodebooks, 1), graph.int32(basis)]);
        const level = graph.cast(graph.node('Mod', [digits, graph.int32(levels)]), 'float32');
        const codes = graph.node('Mul', [graph.node('Sub', [level, graph.floats(centers)]), graph.floats(steps)]);
        const unrotated = rotate(graph, codes, { state, path, inverse: true });
        return project(graph, rowsOf(graph, unrotated, width, whole), { state, path, name: 'project_out' });
      },
    });
  },
};
