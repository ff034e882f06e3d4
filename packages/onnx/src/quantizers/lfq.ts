import { tensor, tidy } from '@tensorflow/tfjs-core';
import { unitLength } from '@vqkit/core-tensor';
import type { LfqConfig } from '@vqkit/lfq';
import type { Graph } from '../graph.ts';
import { readState, type Weight, type Weights } from '../state.ts';
import { project, rotate, rowsOf, type Translator, withAnyIds } from './translation.ts';

/** The smallest float32 above 0. */
const LEAST = 2 ** -149;

/** LFQ and BSQ: bits are signs, so that ids are those of vqkit wherever the features are. 0 and NaN are bit 0. */
export const lfq: Translator = {
  kind: 'LFQ',
  async translate(quantizer, { path }) {
    const config = quantizer.config as LfqConfig;
    const { numCodebooks, codebookSize, codebookScale, spherical, softClampInputValue, bitOrder } = config;
    const bits = Math.log2(codebookSize);
    const whole = bits * numCodebooks;
    const state = await readState(quantizer.stateDict());
    const into = config.cosineSimProjectIn ? await unitColumns(state.get('project_in.weight') as Weight) : undefined;
    const scale = spherical ? codebookScale / Math.sqrt(bits) : codebookScale;
    // The soft clamp v tanh(x / v) keeps the sign, but that in float32 x / v is 0 up to half the smallest number.
    const floor = softClampInputValue === null ? 0 : Math.floor(Math.fround(softClampInputValue) / 2) * LEAST;
    const places = Array.from({ length: bits }, (_, i) => 2 ** (bitOrder === 'msbFirst' ? bits - 1 - i : i));
    return withAnyIds(codebookSize, {
      encode(graph, tokens) {
        const projected =
          into === undefined
            ? project(graph, tokens, { state, path, name: 'project_in' })
            : cosineSimilarity(graph, tokens, into, path);
        const rows = rotate(graph, rowsOf(graph, projected, whole, bits), { state, path, inverse: false });
        const above = graph.cast(graph.node('Greater', [rows, graph.floats([floor], [])]), 'int32');
        const digits = graph.node('Mul', [above, graph.int32(places)]);
        return rowsOf(graph, graph.node('ReduceSum', [digits, graph.int64([1])]), 1, numCodebooks);
      },
      codes(graph, ids) {
        const two = graph.int32([2], []);
        const bit = graph.node('Mod', [
          graph.node('Div', [rowsOf(graph, ids, numCodebooks, 1), graph.int32(places)]),
          two,
        ]);
        const sign = graph.node('Sub', [graph.node('Mul', [bit, two]), graph.int32([1], [])]);
        const codes = graph.node('Mul', [graph.cast(sign, 'float32'), graph.floats([scale], [])]);
        const unrotated = rotate(graph, codes, { state, path, inverse: true });
        return project(graph, rowsOf(graph, unrotated, bits, whole), { state, path, name: 'project_out' });
      },
    });
  },
};

/** Each column of W at length 1. */
async function unitColumns({ shape, values }: Weight): Promise<Weights> {
  const unit = tidy(() => unitLength(tensor(values, [...shape]), 0));
  return readState({ weight: unit });
}

/** (x/|x|)(W/|W|), without its scale, which changes no sign. A token without a direction is 0. */
function cosineSimilarity(graph: Graph, x: string, columns: Weights, path: string): string {
  const { shape, values } = columns.get('weight') as Weight;
  const squared = graph.node('ReduceSumSquare', [graph.cast(x, 'float64')], { axes: [1], keepdims: 1 });
  const long = graph.node('Greater', [squared, graph.doubles([1e-24], [])]);
  const product = graph.node('MatMul', [x, graph.weight(`${path}.project_in.weight`, shape, values)]);
  return graph.node('Where', [long, product, graph.floats([0], [])]);
}
