import {
  add,
  argMax,
  gather,
  matMul,
  mul,
  profile,
  range,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  tensor,
  transpose,
} from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { eachEngine, expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createSimVq, type SimVq, type SimVqOptions } from '../src/index.ts';
import { codebook64, nearest64, rows } from './float64.ts';

const [TOKENS, DIM, CODES] = [400, 16, 256];
const small = { dim: DIM, codebookSize: CODES };

/** Replaces parameters by functions of their values. */
function change(simvq: SimVq, changes: Record<string, (value: Tensor) => Tensor>): void {
  const state = simvq.stateDict();
  for (const [name, f] of Object.entries(changes)) state[name] = f(state[name] as Tensor);
  simvq.loadStateDict(state);
}

const shift =
  (offset: number) =>
  (value: Tensor): Tensor =>
    add(value, offset);

/** Name, options, what gives the codes their offset of 1,000. */
const SEARCHES: [string, SimVqOptions, Record<string, (value: Tensor) => Tensor>][] = [
  [
    'in the frozen space',
    { ...small, frozenCodebookDim: 4, transformBias: true },
    { 'code_transform.bias': shift(1000) },
  ],
  ['among linear codes', { ...small, transformBias: true }, { 'code_transform.bias': shift(1000) }],
  [
    'among the codes of a wide codebook',
    { ...small, frozenCodebookDim: 24, transformBias: true },
    { 'code_transform.bias': shift(1000) },
  ],
  [
    'among the codes of an MLP',
    { ...small, codebookTransform: { hidden: [24] } },
    { 'code_transform.2.bias': shift(1000) },
  ],
];

function agreement(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).filter((value, i) => value === b[i]).length / a.length;
}

/** argmin of |x|² - 2⟨x, c⟩ + |c|² as the reference library's cdist computes it: nothing is subtracted first. */
function withoutCentring(x: Tensor2D, codes: Tensor2D): Tensor {
  const products = mul(matMul(x, transpose(codes)), 2);
  return argMax(sub(sub(products, sum(square(codes), 1)), sum(square(x), 1, true)), 1);
}

eachEngine(() => {
  describe('the nearest code', () => {
    for (const [name, options, offset] of SEARCHES) {
      it(`${name} is that of float64, also with a common offset of 1,000`, async () => {
        for (const common of [0, 1000]) {
          const simvq = createSimVq({ ...options, seed: 3 });
          if (common !== 0) change(simvq, offset);
          const x: Tensor2D = add(tensor(createRng(4).normalArray(TOKENS * DIM, 0.5), [TOKENS, DIM]), common);
          const expected = await nearest64(x, await codebook64(simvq));
          const found = agreement(await simvq.encode(x).data(), expected);
          const all = simvq.decode(tensor(Int32Array.from({ length: CODES }, (_, k) => k))) as Tensor2D;
          const uncentred = agreement(await withoutCentring(x, all).data(), expected);
          expect(found).toBeGreaterThanOrEqual(0.99);
          // 0.5 to 16 % when written.
          if (common !== 0) expect(uncentred).toBeLessThan(0.5);
          simvq.dispose();
        }
      });
    }

    it('is that of float64 when only the tokens are far away, or the frozen vectors have a mean', async () => {
      for (const frozenCodebookDim of [4, DIM]) {
        const simvq = createSimVq({ ...small, frozenCodebookDim, seed: 3 });
        const x: Tensor2D = tensor(createRng(4).normalArray(TOKENS * DIM, 0.5), [TOKENS, DIM]);
        for (const [tokens, frozen] of [
          [1000, 0],
          [0, 100],
          [30, 100],
        ] as const) {
          change(simvq, { frozen_codebook: shift(frozen) });
          const moved = add(x, tokens);
          const found = agreement(await simvq.encode(moved).data(), await nearest64(moved, await codebook64(simvq)));
          expect(found).toBeGreaterThanOrEqual(0.99);
          change(simvq, { frozen_codebook: shift(-frozen) });
        }
        simvq.dispose();
      }
    });

    for (const [name, options] of SEARCHES) {
      it(`${name} is that of float64 for every token with exact: true, between two codes too`, async () => {
        const simvq = createSimVq({ ...options, exact: true, seed: 3 });
        const all = simvq.decode(tensor(Int32Array.from({ length: CODES }, (_, k) => k))) as Tensor2D;
        const codes = await rows(all);
        const between = mul(add(gather(all, range(0, 100, 1, 'int32')), gather(all, range(100, 200, 1, 'int32'))), 0.5);
        for (const x of [between, tensor(createRng(4).normalArray(100 * DIM, 0.5), [100, DIM])]) {
          await expectSame(simvq.encode(x), await nearest64(x, codes));
        }
        simvq.dispose();
      });
    }

    it('forms the codebook once, and then works in the frozen space where that is narrower', async () => {
      const simvq = createSimVq({ dim: 64, codebookSize: 500, frozenCodebookDim: 2 });
      const x = tensor(createRng(4).normalArray(20 * 64, 0.5), [20, 64]);
      const shapesOf = async (f: () => Tensor): Promise<string[]> =>
        (await profile(f)).kernels.flatMap(({ outputShapes }) => outputShapes).map(String);
      expect(await shapesOf(() => simvq.encode(x))).toContain('500,64');
      const shapes = await shapesOf(() => simvq.encode(x));
      expect(shapes).not.toContain('500,64');
      expect(shapes).toContain('20,2');
      simvq.dispose();
    });
  });
});
