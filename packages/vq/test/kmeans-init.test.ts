import {
  add,
  concat,
  memory,
  mul,
  ones,
  profile,
  slice,
  type Tensor2D,
  tensor,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';
import { DtypeError, OptionError, ShapeError } from '@vqkit/core-tensor';
import { eachEngine, expectIdentical, expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createVq, type Vq, type VqOptions } from '../src/index.ts';
import { inertia, rowsOf } from './float64.ts';
import { EMBED, expectSameState, INITTED, stateTensor } from './state.ts';
import { normal, TRAIN } from './tokens.ts';

const options: VqOptions = { dim: 3, codebookSize: 6, kmeansInit: true };

/** Kernels that a training step runs. */
async function kernelsOf(vq: Vq, x: Tensor2D, extra: object = {}): Promise<number> {
  const { kernels } = await profile(() => {
    const { quantized, indices, loss, losses } = vq.quantize(x, { ...TRAIN, ...extra });
    for (const each of [quantized, indices, loss, ...Object.values(losses)]) each.dispose();
    return zeros([1]);
  });
  return kernels.length;
}

eachEngine((engine) => {
  describe('the k-means of VQ', () => {
    for (const [name, offset, scale] of [
      ['an offset of 10,000', 1e4, 1],
      ['an offset of a million', 1e6, 1],
      ['tokens of 1e-25', 0, 1e-25],
      ['tokens of 1e15', 0, 1e15],
      ['a token at 1e9', 0, 1],
    ] as const) {
      it(`places codes as well with ${name}`, async () => {
        // Where float32 keeps the tokens themselves exactly: multiples of a sixteenth.
        const grid = (await normal(400, 4, 7).data()).map((value) => Math.round(value * 16) / 16);
        const x = tensor(grid, [400, 4]) as Tensor2D;
        const far = name === 'a token at 1e9' ? (tensor([[1e9, -1e9, 1e9, 1e9]]) as Tensor2D) : undefined;
        const moved = add(mul(x, scale), offset) as Tensor2D;
        const given = far === undefined ? moved : (concat([moved, far], 0) as Tensor2D);
        const error = async (tokens: Tensor2D, k: number, unit: number): Promise<number> => {
          const vq = createVq({ dim: 4, codebookSize: k, kmeansInit: true, decay: 1, exact: true });
          vq.quantize(tokens, TRAIN);
          const [rows, codes] = [await rowsOf(tokens), await rowsOf(stateTensor(vq, EMBED))];
          vq.dispose();
          return inertia(rows.slice(0, 400), codes) / 400 / unit ** 2;
        };
        const right = await error(x, 32, 1);
        // The far token has a code of its own.
        expect(await error(given, far === undefined ? 32 : 33, scale)).toBeLessThan(1.15 * right);
      });
    }

    it('takes as many kernels for many codes as for few while it gathers', async () => {
      const count = async (codebookSize: number): Promise<number> => {
        const vq = createVq({ ...options, codebookSize });
        const counts = [await kernelsOf(vq, normal(8, 3, 1)), await kernelsOf(vq, normal(8, 3, 2))];
        await expectSame(stateTensor(vq, INITTED), [0]);
        vq.dispose();
        return counts[1] as number;
      };
      expect(await count(160)).toBe(await count(40));
    });

    if (engine !== 'webgpu') {
      it('is over after enough tokens, also with a mask and when nothing is awaited', async () => {
        const vq = createVq({ ...options, codebookSize: 40 });
        const mask = tensor([1, 0, 1, 0, 1, 1, 1, 1], [8], 'int32');
        for (let step = 0; step < 7; step++) tidy(() => void vq.quantize(normal(8, 3, step), { ...TRAIN, mask }));
        const [tensors, bytes] = [memory().numTensors, memory().numBytes];
        for (let step = 7; step < 30; step++) tidy(() => void vq.quantize(normal(8, 3, step), { ...TRAIN, mask }));
        expect([memory().numTensors, memory().numBytes]).toEqual([tensors, bytes]);
        const plain = createVq({ ...options, codebookSize: 40, kmeansInit: false });
        plain.quantize(normal(8, 3, 31), TRAIN);
        const x = normal(8, 3, 32);
        expect(await kernelsOf(vq, x, { mask })).toBe(await kernelsOf(plain, x, { mask }));
        vq.dispose();
        plain.dispose();
      });

      it('holds no more tokens than it needs, however much padding there is', () => {
        const vq = createVq(options);
        const step = (seed: number): void =>
          tidy(() => void vq.quantize(normal(50, 3, seed), { ...TRAIN, mask: zeros([50], 'bool') }));
        for (let i = 0; i < 3; i++) step(i);
        const bytes = memory().numBytes;
        for (let i = 3; i < 20; i++) step(i);
        expect(memory().numBytes).toBe(bytes);
        vq.dispose();
      });
    }

    it('does not count tokens that cannot be used', async () => {
      const vq = createVq(options);
      vq.quantize(mul(ones([20, 3]), Number.NaN), TRAIN);
      await expectSame(stateTensor(vq, INITTED), [0]);
      vq.quantize(normal(5, 3, 1), TRAIN);
      await expectSame(stateTensor(vq, INITTED), [0]);
      vq.quantize(normal(1, 3, 2), TRAIN);
      await expectSame(stateTensor(vq, INITTED), [1]);
      const [rows, codes] = [
        await rowsOf(concat([normal(5, 3, 1), normal(1, 3, 2)], 0)),
        await rowsOf(stateTensor(vq, EMBED)),
      ];
      expect(inertia(rows, codes)).toBeLessThan(1e-9);
      vq.dispose();
    });
  });

  describe('the training state of VQ', () => {
    for (const extra of [
      {},
      { useCosineSim: true },
      { codebookDim: 2, heads: 2, separateCodebookPerHead: true, dim: 4 },
      { thresholdEmaDeadCode: 1 },
    ] as Partial<VqOptions>[]) {
      it(`makes a resumed training equal bit for bit while k-means gathers: ${JSON.stringify(extra)}`, async () => {
        const own = { ...options, codebookSize: 20, ...extra };
        const whole = createVq(own);
        const batch = (step: number): Tensor2D => normal(7, whole.dim, 40 + step);
        for (let step = 0; step < 2; step++) whole.quantize(batch(step), TRAIN);
        await expectSame(stateTensor(whole, INITTED), [0]);
        const resumed = createVq({ ...own, seed: 9 });
        resumed.quantize(batch(9), TRAIN);
        resumed.loadStateDict(whole.stateDict());
        resumed.loadTrainingState(whole.trainingState());
        resumed.rng.restore(whole.rng.state());
        for (let step = 2; step < 5; step++) {
          const [a, b] = [whole.quantize(batch(step), TRAIN), resumed.quantize(batch(step), TRAIN)];
          await expectIdentical(a.indices, b.indices);
          await expectIdentical(a.loss, b.loss);
          await expectSameState(resumed, whole);
        }
        await expectSame(stateTensor(whole, INITTED), [1]);
        if (engine !== 'webgpu') expect(whole.trainingState()).toEqual({});
        whole.dispose();
        resumed.dispose();
      });
    }

    it('outlives a state that does not load, and a training state that does not', async () => {
      const [vq, untouched] = [createVq(options), createVq(options)];
      for (const each of [vq, untouched]) each.quantize(normal(4, 3, 1), TRAIN);
      const state = vq.trainingState();
      const [rows, weights] = ['kmeans.0.tokens', 'kmeans.0.weights'] as const;
      expect(Object.entries(state).map(([name, { shape }]) => [name, shape])).toEqual([
        [rows, [4, 3]],
        [weights, [4]],
      ]);
      expect(() => vq.loadStateDict({ ...vq.stateDict(), surplus: zeros([1]) })).toThrow(OptionError);
      for (const [bad, type, message] of [
        [null, OptionError, /loadTrainingState: tensors must be an object of tensors by name, got null/],
        [{ other: zeros([1]) }, OptionError, /tensors must be an object with exactly the keys \["kmeans.0.tokens"/],
        [{ [rows]: zeros([4, 3]) }, OptionError, /exactly the keys/],
        [
          { [rows]: zeros([4, 2]), [weights]: zeros([4]) },
          ShapeError,
          /must have shape \[n, 3\] .+ got shape \[\[4,2\]/,
        ],
        [{ [rows]: zeros([4, 3]), [weights]: zeros([5]) }, ShapeError, /got shape \[\[4,3\],\[5\]\]/],
        [{ [rows]: zeros([4, 3], 'int32'), [weights]: zeros([4]) }, DtypeError, /must be float32, got int32/],
        [{ [rows]: [1], [weights]: zeros([4]) }, OptionError, /must be a tensor/],
      ] as const) {
        expect(() => vq.loadTrainingState(bad as never)).toThrow(type);
        expect(() => vq.loadTrainingState(bad as never)).toThrow(message);
      }
      for (const each of [vq, untouched]) each.quantize(normal(2, 3, 2), TRAIN);
      await expectSame(stateTensor(vq, INITTED), [1]);
      await expectSameState(vq, untouched);
      const none = createVq({ ...options, kmeansInit: false });
      expect(() => none.loadTrainingState(state)).toThrow(OptionError);
      none.loadTrainingState({});
      for (const each of [vq, untouched, none]) each.dispose();
    });
  });

  describe('a code that is never used', () => {
    it('stays where it is, for Euclidean distances too', async () => {
      for (const decay of [0, 0.8, 0.99]) {
        const vq = createVq({ dim: 2, codebookSize: 2, decay });
        const codes = tensor([0, 0, 5, 7], [1, 2, 2]);
        vq.loadStateDict({ ...vq.stateDict(), [EMBED]: codes, '_codebook.embed_avg': codes });
        const x = slice(normal(20, 2, 3), 0, 20);
        for (let step = 0; step < 150; step++) tidy(() => void vq.quantize(x, TRAIN));
        await expectSame(slice(stateTensor(vq, EMBED), [0, 1, 0], [1, 1, 2]), [5, 7]);
        await expectSame(vq.encode(tensor([4, 6], [1, 2])), [1]);
        // And is one that a token can still choose.
        vq.quantize(tensor([5, 6], [1, 2]), TRAIN);
        const [, moved] = await rowsOf(stateTensor(vq, EMBED));
        expect(moved?.[1]).toBeGreaterThan(5.9);
        vq.dispose();
      }
    });
  });
});
