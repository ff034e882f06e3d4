import {
  add,
  concat,
  dispose,
  engine,
  expandDims,
  memory,
  mul,
  profile,
  type Scalar,
  slice,
  sum,
  type Tensor,
  type Tensor2D,
  tensor,
  tidy,
  train,
  variableGrads,
  zeros,
} from '@tensorflow/tfjs-core';
import { eachEngine, expectClose, expectIdentical, expectSame, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createVq, type Vq, type VqOptions } from '../src/index.ts';
import { emaStep64, nearestTo, rowsOf } from './float64.ts';
import { normal, TRAIN } from './tokens.ts';

const EMBED = '_codebook.embed';
const SIZES = '_codebook.cluster_size';
const SUMS = '_codebook.embed_avg';
const INITTED = '_codebook.initted';

const stateTensor = (vq: Vq, name: string): Tensor => vq.stateDict()[name] as Tensor;

/** Puts these codes in, with averages that stand for them. */
function place(vq: Vq, codes: Tensor2D): void {
  const all = expandDims(codes, 0);
  vq.loadStateDict({ ...vq.stateDict(), [EMBED]: all, [SUMS]: all });
}

async function expectSameState(actual: Vq, expected: Vq): Promise<void> {
  const state = expected.stateDict();
  for (const [name, value] of Object.entries(actual.stateDict())) await expectIdentical(value, state[name] as Tensor);
}

async function expectCloseState(actual: Vq, expected: Vq): Promise<void> {
  const state = expected.stateDict();
  for (const [name, value] of Object.entries(actual.stateDict()))
    await expectClose(value, state[name] as Tensor, tolerances.float32);
}

eachEngine((engineName) => {
  describe('the moving averages of VQ', () => {
    it('are those of the formulas, against float64, over some steps', async () => {
      const vq = createVq({ dim: 3, codebookSize: 7, decay: 0.7, eps: 1e-3 });
      place(vq, normal(7, 3, 1));
      let state = { sizes: [...(await stateTensor(vq, SIZES).data())], sums: await rowsOf(stateTensor(vq, SUMS)) };
      let codes = await rowsOf(stateTensor(vq, EMBED));
      for (let step = 0; step < 5; step++) {
        const x = normal(40, 3, 10 + step);
        const rows = await rowsOf(x);
        const indices = rows.map((row) => nearestTo(row, codes));
        const found = vq.quantize(x, TRAIN);
        await expectSame(found.indices, indices);
        const next = emaStep64(state, rows, indices, { decay: 0.7, eps: 1e-3 });
        await expectClose(stateTensor(vq, SIZES), next.sizes, tolerances.float32);
        await expectClose(
          stateTensor(vq, SUMS),
          next.sums.flatMap((row) => [...row]),
          tolerances.float32,
        );
        await expectClose(
          stateTensor(vq, EMBED),
          next.codes.flatMap((row) => [...row]),
          tolerances.float32,
        );
        // From what float32 holds, so that no difference builds up.
        state = { sizes: [...(await stateTensor(vq, SIZES).data())], sums: await rowsOf(stateTensor(vq, SUMS)) };
        codes = await rowsOf(stateTensor(vq, EMBED));
      }
      vq.dispose();
    });

    it('move in a training call only, and not where the codes are frozen', async () => {
      for (const options of [{}, { useCosineSim: true, heads: 2, separateCodebookPerHead: true, codebookDim: 2 }]) {
        const make = (extra: Partial<VqOptions> = {}): Vq =>
          createVq({ dim: 4, codebookSize: 6, ...options, ...extra });
        const [vq, untouched] = [make(), make()];
        const x = normal(30, 4, 2);
        vq.decode(vq.quantize(x).indices);
        vq.encode(x);
        vq.quantize(x, { ...TRAIN, freezeCodebook: true });
        await expectSameState(vq, untouched);
        const frozen = make({ freezeCodebook: true, kmeansInit: true, thresholdEmaDeadCode: 2 });
        frozen.quantize(x, TRAIN);
        await expectSame(stateTensor(frozen, EMBED), stateTensor(untouched, EMBED));
        frozen.quantize(x, { ...TRAIN, freezeCodebook: false });
        expect(await stateTensor(frozen, EMBED).data()).not.toEqual(await stateTensor(untouched, EMBED).data());
        for (const each of [vq, untouched, frozen]) each.dispose();
      }
    });

    for (const [name, options] of Object.entries({
      EMA: {},
      'EMA with revival, cosine': { thresholdEmaDeadCode: 1, useCosineSim: true },
      'EMA with a shared codebook for heads': { codebookDim: 3, heads: 2 },
      'EMA behind projections': { codebookDim: 3, heads: 2, separateCodebookPerHead: true, dim: 4 },
      'k-means': { kmeansInit: true, kmeansIters: 3, thresholdEmaDeadCode: 2 },
    } as Record<string, Partial<VqOptions>>)) {
      it(`do not see masked tokens, as if they were not there: ${name}`, async () => {
        const make = (): Vq => createVq({ dim: 6, codebookSize: 5, ...options });
        const [masked, alone] = [make(), make()];
        for (let step = 0; step < 3; step++) {
          const x = normal(20, masked.dim, 20 + step);
          const padding = tensor(new Float32Array(10 * masked.dim).fill(Number.NaN), [10, masked.dim]) as Tensor2D;
          const mask = tensor(
            Array.from({ length: 30 }, (_, i) => i < 8 || i >= 18),
            [30],
            'bool',
          );
          const z = concat([slice(x, 0, 8), padding, slice(x, 8)], 0);
          masked.quantize(z, { ...TRAIN, mask });
          alone.quantize(x, TRAIN);
          await expectCloseState(masked, alone);
        }
        masked.dispose();
        alone.dispose();
      });
    }

    it('stay as they are, bit for bit, when every token is masked or unusable', async () => {
      const make = (): Vq => createVq({ dim: 3, codebookSize: 4, kmeansInit: true, thresholdEmaDeadCode: 2 });
      const [vq, untouched] = [make(), make()];
      vq.quantize(normal(5, 3, 3), { ...TRAIN, mask: zeros([5], 'bool') });
      await expectSameState(vq, untouched);
      vq.quantize(zeros([0, 3]), TRAIN);
      await expectSameState(vq, untouched);
      const ema = createVq({ dim: 3, codebookSize: 4 });
      const before = ema.stateDict();
      ema.quantize(tensor([Number.NaN, 0, 0, Number.POSITIVE_INFINITY, 1, 1], [2, 3]), TRAIN);
      for (const [name, value] of Object.entries(ema.stateDict())) await expectIdentical(value, before[name] as Tensor);
      for (const each of [vq, untouched, ema]) each.dispose();
    });

    it('leave out a token with a NaN or an infinity, which gets index 0', async () => {
      const [vq, clean] = [createVq({ dim: 2, codebookSize: 4 }), createVq({ dim: 2, codebookSize: 4 })];
      const x = normal(10, 2, 4);
      const odd = tensor([Number.NaN, 1, Number.NEGATIVE_INFINITY, 0, 2 ** 56, 0], [3, 2]) as Tensor2D;
      const { indices } = vq.quantize(concat([x, odd], 0), TRAIN);
      await expectSame(slice(indices, 10), [0, 0, 0]);
      clean.quantize(x, TRAIN);
      await expectCloseState(vq, clean);
      vq.dispose();
      clean.dispose();
    });
  });

  describe('VQ inside a gradient', () => {
    const options: VqOptions = { dim: 4, codebookSize: 8, thresholdEmaDeadCode: 1, kmeansInit: true, kmeansIters: 2 };

    it('updates its codes once per call, the same as outside, and no gradient passes through the update', async () => {
      const [inside, outside] = [createVq(options), createVq(options)];
      for (let step = 0; step < 4; step++) {
        const x = normal(40, 4, 30 + step);
        const weights = normal(40, 4, 40);
        const before = createVq({ ...options, freezeCodebook: true });
        if (step > 0) before.loadStateDict(inside.stateDict());
        const objective = (vq: Vq): Scalar => {
          const { quantized, loss } = vq.quantize(x, TRAIN);
          return add(sum(mul(quantized, weights)), loss);
        };
        const [dx] = engine().gradients(() => objective(inside), [x]).grads;
        outside.quantize(x, TRAIN);
        await expectSameState(inside, outside);
        expect(inside.rng.state()).toEqual(outside.rng.state());
        if (step > 0) {
          const [expected] = engine().gradients(() => objective(before), [x]).grads;
          await expectSame(dx as Tensor, expected as Tensor);
        }
        before.dispose();
      }
      inside.dispose();
      outside.dispose();
    });

    it('may be called twice in one objective: the second call sees the codes of the first', async () => {
      const [twice, one] = [createVq(options), createVq(options)];
      const [x, y] = [normal(30, 4, 50), normal(30, 4, 51)];
      const [dx] = engine().gradients(
        () => add(sum(twice.quantize(x, TRAIN).quantized), twice.quantize(y, TRAIN).loss) as Scalar,
        [x],
      ).grads;
      expect((await (dx as Tensor).data()).every(Number.isFinite)).toBe(true);
      one.quantize(x, TRAIN);
      one.quantize(y, TRAIN);
      await expectSameState(twice, one);
      twice.dispose();
      one.dispose();
    });

    for (const [name, extra] of Object.entries({
      EMA: {},
      'EMA behind projections': { codebookDim: 2 },
      learnable: { learnableCodebook: true },
      'learnable, orthogonal, cross-entropy': {
        learnableCodebook: true,
        orthogonalRegWeight: 1,
        orthogonalRegMaxCodes: 4,
        commitmentUseCrossEntropyLoss: true,
      },
      drawn: { stochasticSampleCodes: true },
    } as Record<string, Partial<VqOptions>>)) {
      it(`leaves nothing behind over 100 steps, with and without a mask: ${name}`, async () => {
        const vq = createVq({ ...options, ...extra });
        const x = normal(30, 4, 52);
        const mask = tensor(
          Array.from({ length: 30 }, (_, i) => i % 4 > 0),
          [30],
          'bool',
        );
        const optimizer = train.adam(1e-3);
        const variables = Object.values(vq.variables());
        const once = (step: number): void => {
          const call = (): Scalar => vq.quantize(x, { ...TRAIN, mask: step % 2 ? mask : undefined }).loss;
          if (variables.length > 0) optimizer.minimize(call, false, variables);
          else tidy(() => void call());
          const ids = vq.encode(x);
          vq.decode(ids).dispose();
          ids.dispose();
        };
        for (let step = 0; step < 4; step++) once(step);
        const before = memory();
        for (let step = 0; step < 100; step++) once(step);
        expect(memory().numTensors).toBe(before.numTensors);
        expect(memory().numDataBuffers).toBe(before.numDataBuffers);
        expect(memory().numBytes).toBe(before.numBytes);
        vq.dispose();
        optimizer.dispose();
      });
    }

    it('gives a learnable codebook the gradient 2 (q - x) / elements of the tokens that chose each code', async () => {
      const vq = createVq({ dim: 2, codebookSize: 3, learnableCodebook: true, codebookWeight: 3, commitmentWeight: 0 });
      const codes = tensor([0, 0, 10, 0, 0, 10], [3, 2]) as Tensor2D;
      place(vq, codes);
      const x = tensor([1, 0, 9, 1, 11, 0, 0, 2], [4, 2]);
      const { value, grads } = variableGrads(() => vq.quantize(x, TRAIN).loss, Object.values(vq.variables()));
      // 8 elements, weight 3: code 0 has (1, 0) and (0, 2), code 1 has (9, 1) and (11, 0).
      const expected = [-1, -2, 0, -1, 0, 0].map((value) => (3 * 2 * value) / 8);
      await expectClose(Object.values(grads)[0] as Tensor, expected, tolerances.float32);
      dispose([value, grads]);
      vq.dispose();
    });
  });

  describe('a dead code of VQ', () => {
    /** Three codes at the tokens, one far off that no token chooses. */
    function withDeadCode(threshold: number): { vq: Vq; x: Tensor2D } {
      const vq = createVq({ dim: 2, codebookSize: 4, thresholdEmaDeadCode: threshold, decay: 0.5 });
      place(vq, tensor([0, 0, 5, 0, 0, 5, 1000, 1000], [4, 2]) as Tensor2D);
      const near = concat(
        [0, 1, 2].map((i) => add(normal(20, 2, 60 + i, 0.1), tensor([i === 1 ? 5 : 0, i === 2 ? 5 : 0]))),
        0,
      ) as Tensor2D;
      return { vq, x: near };
    }

    it('is left alone without a threshold', async () => {
      const { vq, x } = withDeadCode(0);
      vq.quantize(x, TRAIN);
      const [, , , dead] = await rowsOf(stateTensor(vq, EMBED));
      expect(dead?.[0]).toBeGreaterThan(900);
      vq.dispose();
    });

    it('becomes a token of the batch, with cluster size and average of its own', async () => {
      const { vq, x } = withDeadCode(2);
      vq.quantize(x, TRAIN);
      const [codes, sums, tokens] = [
        await rowsOf(stateTensor(vq, EMBED)),
        await rowsOf(stateTensor(vq, SUMS)),
        await rowsOf(x),
      ];
      expect(tokens.map(String)).toContain(String(codes[3]));
      expect((await stateTensor(vq, SIZES).data())[3]).toBe(2);
      expect(sums[3]).toEqual(codes[3]?.map((value) => 2 * value));
      vq.dispose();
    });

    it('stays revived: the next steps do not compute it from the averages of the dead one', async () => {
      const { vq, x } = withDeadCode(0.9);
      const from = (threshold: number): Vq => {
        const next = createVq({ dim: 2, codebookSize: 4, thresholdEmaDeadCode: threshold, decay: 0.5 });
        next.loadStateDict(vq.stateDict());
        return next;
      };
      vq.quantize(x, TRAIN);
      // A token chose nothing else: without revival from here on, averages alone decide where the code goes.
      const later = from(0);
      const [, , , revived] = await rowsOf(stateTensor(later, EMBED));
      for (let step = 0; step < 3; step++) later.quantize(x, TRAIN);
      const [, , , after] = await rowsOf(stateTensor(later, EMBED));
      expect(Math.hypot(...(revived ?? []))).toBeLessThan(7);
      expect(Math.hypot(...(after ?? []))).toBeLessThan(7);
      later.dispose();
      vq.dispose();
    });

    it('is replaced by real tokens only, different ones where there are enough', async () => {
      const vq = createVq({ dim: 2, codebookSize: 12, thresholdEmaDeadCode: 1000 });
      const x = normal(24, 2, 70);
      const mask = tensor(
        Array.from({ length: 24 }, (_, i) => i % 2),
        [24],
        'int32',
      );
      const real = (await rowsOf(x)).filter((_, i) => i % 2 === 1).map(String);
      for (let step = 0; step < 5; step++) {
        vq.quantize(x, { ...TRAIN, mask });
        const codes = (await rowsOf(stateTensor(vq, EMBED))).map(String);
        expect([...codes].sort()).toEqual([...real].sort());
      }
      vq.dispose();
    });

    it('is revived in a learnable codebook too, whose other codes only a gradient moves', async () => {
      const vq = createVq({ dim: 2, codebookSize: 3, learnableCodebook: true, thresholdEmaDeadCode: 1, decay: 0.5 });
      place(vq, tensor([0, 0, 5, 0, 1000, 0], [3, 2]) as Tensor2D);
      const x = tensor([0, 1, 5, 1, 0, -1, 5, -1], [4, 2]);
      vq.quantize(x, TRAIN);
      const codes = await rowsOf(stateTensor(vq, EMBED));
      expect(codes.slice(0, 2).map((code) => [...code])).toEqual([
        [0, 0],
        [5, 0],
      ]);
      expect((await rowsOf(x)).map(String)).toContain(String(codes[2]));
      vq.dispose();
    });

    it('starts with resetClusterSize', async () => {
      const vq = createVq({ dim: 1, codebookSize: 2, thresholdEmaDeadCode: 1, resetClusterSize: 7, decay: 0 });
      place(vq, tensor([0, 50], [2, 1]) as Tensor2D);
      vq.quantize(tensor([0.5, 1], [2, 1]), TRAIN);
      await expectClose(stateTensor(vq, SIZES), [2, 7], tolerances.float32);
      vq.dispose();
    });
  });

  describe('the k-means of VQ', () => {
    const options: VqOptions = { dim: 3, codebookSize: 6, kmeansInit: true, decay: 1 };

    it('places the codes at the means of the first training batch, and never again', async () => {
      const vq = createVq(options);
      const x = normal(60, 3, 80);
      vq.quantize(x);
      await expectSame(stateTensor(vq, INITTED), [0]);
      vq.quantize(x, TRAIN);
      await expectSame(stateTensor(vq, INITTED), [1]);
      const codes = await rowsOf(stateTensor(vq, EMBED));
      const rows = await rowsOf(x);
      const indices = rows.map((row) => nearestTo(row, codes));
      const sizes = await stateTensor(vq, SIZES).data();
      // Ten iterations settle 60 tokens: each code is the mean of its tokens.
      codes.forEach((code, k) => {
        const mine = rows.filter((_, n) => indices[n] === k);
        expect(sizes[k]).toBe(mine.length);
        code.forEach((value, i) => {
          expect(value).toBeCloseTo(mine.reduce((total, row) => total + (row[i] as number), 0) / mine.length, 5);
        });
      });
      // decay 1: nothing but another k-means could move the codes far.
      vq.quantize(add(x, 100), TRAIN);
      await expectClose(
        stateTensor(vq, EMBED),
        codes.flatMap((row) => [...row]),
        1e-4,
      );
      vq.dispose();
    });

    it('waits for a batch with real tokens, also when nothing is awaited in between', async () => {
      const [vq, other] = [createVq(options), createVq(options)];
      const x = normal(60, 3, 81);
      for (let step = 0; step < 3; step++) vq.quantize(x, { ...TRAIN, mask: zeros([60], 'bool') });
      vq.quantize(x, { ...TRAIN, mask: tensor(new Array(60).fill(1), [60], 'int32') });
      vq.quantize(add(x, 50), { ...TRAIN, mask: tensor(new Array(60).fill(1), [60], 'int32') });
      other.quantize(x, TRAIN);
      other.quantize(add(x, 50), TRAIN);
      await expectCloseState(vq, other);
      vq.dispose();
      other.dispose();
    });

    it('is not repeated on a loaded state that had it, and not left out on one that had not', async () => {
      const [source, target] = [createVq(options), createVq({ ...options, seed: 3 })];
      const x = normal(60, 3, 82);
      target.quantize(x, TRAIN);
      // Not initialised: the next batch places the codes, as it does in the source.
      target.loadStateDict(source.stateDict());
      target.rng.restore(source.rng.state());
      source.quantize(x, TRAIN);
      target.quantize(x, TRAIN);
      await expectSameState(target, source);
      // Initialised: at once, and after the flag has been read.
      const again = createVq(options);
      again.loadStateDict(source.stateDict());
      again.quantize(add(x, 100), TRAIN);
      source.quantize(add(x, 100), TRAIN);
      await expectCloseState(again, source);
      again.quantize(add(x, 100), TRAIN);
      source.quantize(add(x, 100), TRAIN);
      await expectCloseState(again, source);
      for (const each of [source, target, again]) each.dispose();
    });

    it('uses all codes where there are as many groups of tokens, which chance does not', async () => {
      const centres = normal(16, 3, 83, 10);
      const x = add(concat(new Array(20).fill(centres), 0), normal(320, 3, 84, 0.05)) as Tensor2D;
      const used = async (extra: Partial<VqOptions>): Promise<number> => {
        const vq = createVq({ dim: 3, codebookSize: 16, ...extra });
        for (let step = 0; step < 5; step++) vq.quantize(x, TRAIN);
        const ids = await vq.encode(x).data();
        vq.dispose();
        return new Set(ids).size;
      };
      expect(await used({ kmeansInit: true })).toBe(16);
      expect(await used({})).toBeLessThan(16);
    });
  });

  describe('the state of VQ', () => {
    for (const options of [
      { dim: 4, codebookSize: 8, kmeansInit: true, thresholdEmaDeadCode: 2 },
      { dim: 4, codebookSize: 8, codebookDim: 3, heads: 2, separateCodebookPerHead: true, useCosineSim: true },
      { dim: 4, codebookSize: 8, stochasticSampleCodes: true, thresholdEmaDeadCode: 1 },
    ] as VqOptions[]) {
      it(`goes on exactly from where it was saved: ${JSON.stringify(options)}`, async () => {
        const whole = createVq(options);
        for (let step = 0; step < 3; step++) whole.quantize(normal(30, 4, 90 + step), TRAIN);
        const resumed = createVq({ ...options, seed: 5 });
        resumed.loadStateDict(whole.stateDict());
        resumed.rng.restore(whole.rng.state());
        for (let step = 3; step < 6; step++) {
          const x = normal(30, 4, 90 + step);
          const [a, b] = [whole.quantize(x, TRAIN), resumed.quantize(x, TRAIN)];
          await expectIdentical(a.indices, b.indices);
          await expectIdentical(a.quantized, b.quantized);
          await expectIdentical(a.loss, b.loss);
        }
        await expectSameState(resumed, whole);
        whole.dispose();
        resumed.dispose();
      });
    }

    it('has the names and shapes of the reference library', () => {
      const shapes = (options: VqOptions): Record<string, number[]> => {
        const vq = createVq(options);
        const found = Object.fromEntries(Object.entries(vq.stateDict()).map(([name, { shape }]) => [name, shape]));
        vq.dispose();
        return found;
      };
      const book = (books: number, k: number, d: number): Record<string, number[]> => ({
        [INITTED]: [],
        [SIZES]: [books, k],
        [SUMS]: [books, k, d],
        [EMBED]: [books, k, d],
      });
      expect(shapes({ dim: 4, codebookSize: 8 })).toEqual(book(1, 8, 4));
      const heads = { dim: 5, codebookSize: 8, codebookDim: 3, heads: 2 };
      const projections = {
        'project_in.weight': [6, 5],
        'project_in.bias': [6],
        'project_out.weight': [5, 6],
        'project_out.bias': [5],
      };
      expect(shapes(heads)).toEqual({ ...book(1, 8, 3), ...projections });
      expect(shapes({ ...heads, separateCodebookPerHead: true })).toEqual({ ...book(2, 8, 3), ...projections });
    });

    it('trains codes where asked, projections always, and nothing else', () => {
      const names = (options: Partial<VqOptions>): string[] => {
        const vq = createVq({ dim: 4, codebookSize: 8, ...options });
        const found = Object.keys(vq.variables());
        vq.dispose();
        return found;
      };
      const projections = ['project_in.weight', 'project_in.bias', 'project_out.weight', 'project_out.bias'];
      expect(names({})).toEqual([]);
      expect(names({ codebookDim: 2 })).toEqual(projections);
      expect(names({ learnableCodebook: true, codebookDim: 2 })).toEqual([EMBED, ...projections]);
      expect(names({ orthogonalRegWeight: 1 })).toEqual([EMBED]);
      expect(names({ learnableCodebook: true, freezeCodebook: true })).toEqual([]);
    });
  });

  if (engineName === 'wasm') {
    it('VQ never forms a matrix of all tokens and all codes', async () => {
      const [n, k] = [5000, 3000];
      const x = normal(n, 4, 100);
      for (const options of [
        { thresholdEmaDeadCode: 2 },
        { stochasticSampleCodes: true },
        { commitmentUseCrossEntropyLoss: true, learnableCodebook: true },
      ] as Partial<VqOptions>[]) {
        const vq = createVq({ dim: 4, codebookSize: k, ...options });
        const { kernels } = await profile(() => {
          const { value, grads } = engine().gradients(() => vq.quantize(x, TRAIN).loss, [x]);
          vq.encode(x);
          return add(value, sum(grads[0] as Tensor));
        });
        const largest = Math.max(
          ...kernels.flatMap(({ outputShapes }) => outputShapes.map((shape) => shape.reduce((a, b) => a * b, 1))),
        );
        expect(largest).toBeLessThan((n * k) / 4);
        vq.dispose();
      }
    });
  }
});
