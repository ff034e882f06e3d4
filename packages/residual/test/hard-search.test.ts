import { type Tensor, tensor, tensor2d } from '@tensorflow/tfjs-core';
import { eachEngine, expectSame, hardSearch, nearestByFloat64 } from '@vqkit/testing';
import { createVq } from '@vqkit/vq';
import { describe, it } from 'vitest';
import { createGrouped, createResidualVq } from '../src/index.ts';

const [DIM, CODES, TOKENS] = [4, 40, 24];

/** Ids of a stack of two layers, [N, 2], whose residuals are differences in float32. */
function stackIds(x: Float32Array, layers: readonly Float32Array[]): number[][] {
  let rest = x;
  const ids = layers.map((codes) => {
    const found = nearestByFloat64({ codes, x: rest, dim: DIM });
    rest = rest.map((value, i) => value - (codes[(found[Math.floor(i / DIM)] as number) * DIM + (i % DIM)] as number));
    return found;
  });
  return Array.from({ length: TOKENS }, (_, n) => ids.map((found) => found[n] as number));
}

eachEngine(() => {
  describe('stacks over codebooks of mixed magnitudes', () => {
    for (const kind of ['one far code', 'two clusters', 'rows pruned by sentinels', 'repeated rows']) {
      it(`give float64's ids in each layer: ${kind}`, async () => {
        const first = hardSearch(kind, [CODES, TOKENS, DIM], 1);
        const layers = [first.codes, hardSearch(kind, [CODES, 1, DIM], 2).codes];
        const x = tensor2d(first.x, [TOKENS, DIM]);
        const state = (names: readonly string[], own: Record<string, Tensor>): Record<string, Tensor> => ({
          ...own,
          ...Object.fromEntries(
            names.map((name, i) => [`${name}._codebook.embed`, tensor(layers[i] as Float32Array, [1, CODES, DIM])]),
          ),
        });
        const stack = createResidualVq({ dim: DIM, codebookSize: CODES, numQuantizers: 2 });
        stack.loadStateDict(state(['layers.0', 'layers.1'], stack.stateDict()));
        await expectSame(stack.encode(x), stackIds(first.x, layers).flat());
        stack.dispose();

        const vq = (): ReturnType<typeof createVq> => createVq({ dim: DIM, codebookSize: CODES });
        const grouped = createGrouped({ groups: [vq(), vq()] });
        const own = grouped.stateDict();
        const names = Object.keys(own)
          .filter((name) => name.endsWith('._codebook.embed'))
          .map((name) => name.replace('._codebook.embed', ''));
        grouped.loadStateDict(state(names, own));
        const both = Float32Array.from(
          { length: 2 * first.x.length },
          (_, i) => first.x[Math.floor(i / 8) * 4 + (i % 4)] as number,
        );
        const ids = layers.map((codes) => nearestByFloat64({ codes, x: first.x, dim: DIM }));
        await expectSame(
          grouped.encode(tensor2d(both, [TOKENS, 2 * DIM])),
          Array.from({ length: 2 * TOKENS }, (_, i) => (ids[i % 2] as Int32Array)[i >> 1] as number),
        );
        grouped.dispose();
      });
    }
  });
});
