import {
  add,
  engine,
  grad,
  memory,
  mul,
  profile,
  reshape,
  slice,
  sum,
  type Tensor,
  tensor,
  tidy,
  transpose,
} from '@tensorflow/tfjs-core';
import { createRng, type Quantizer, softClamp } from '@vqkit/core-tensor';
import { createFsq } from '@vqkit/fsq';
import { createLfq, type LfqOptions } from '@vqkit/lfq';
import { eachEngine, expectIdentical, spreadIt } from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scaledThreshold } from '../src/fused.ts';
import {
  createGrouped,
  createResidual,
  createResidualFsq,
  createResidualLfq,
  createResidualSimVq,
  createResidualVq,
  type Residual,
  type StackOptions,
} from '../src/index.ts';

const latents = (shape: number[], seed = 1, stddev = 1): Tensor =>
  tensor(
    createRng(seed).normalArray(
      shape.reduce((a, b) => a * b, 1),
      stddev,
    ),
    shape,
  );

/** A stack that runs by one kernel, and the same layer by layer; `bound` comes before the first layer of the latter. */
interface Pair {
  readonly fused: Residual;
  readonly layered: Residual;
  readonly bound: (x: Tensor) => Tensor;
}

const fsqPair = (levels: number[], numQuantizers: number, options: StackOptions = {}, boundHardClamp = true): Pair => {
  const fused = createResidualFsq({ levels, numQuantizers, boundHardClamp, ...options });
  const layers = fused.layers.map(() => createFsq({ levels, preserveSymmetry: true, boundHardClamp }));
  const layered = createResidual({ layers, scales: layers.map((_, j) => levels.map((l) => l ** -j)), ...options });
  const limits = levels.map((l) => l / (l - 1));
  const bound = (x: Tensor): Tensor =>
    boundHardClamp ? reshape(softClamp(reshape(x, [-1, levels.length]), limits), x.shape) : x;
  return { fused, layered, bound };
};

const lfqPair = (
  dim: number,
  numQuantizers: number,
  options: StackOptions = {},
  of: Pick<LfqOptions, 'spherical' | 'bitOrder'> = {},
): Pair => {
  const fused = createResidualLfq({ dim, numQuantizers, ...of, codebookScale: 0.75, ...options });
  const layers = fused.layers.map((_, j) => createLfq({ dim, ...of, codebookScale: 0.75 * 2 ** -j }));
  return { fused, layered: createResidual({ layers, ...options }), bound: (x) => x };
};

/** The kernels that run, by name. */
async function kernelsOf(f: () => Tensor): Promise<string[]> {
  const { kernels } = await profile(() => tidy(f));
  return kernels.map(({ name }) => name);
}

eachEngine((engineName) => {
  const it = spreadIt(engineName);
  const some = engineName === 'webgpu' ? [33] : [1, 5, 16, 33, 250];

  describe('a stack by one kernel', () => {
    for (const [name, make, dim] of [
      ['FSQ [8, 5, 5, 5] × 8', () => fsqPair([8, 5, 5, 5], 8), 4],
      ['FSQ [3, 2, 7] × 4', () => fsqPair([3, 2, 7], 4), 3],
      ['FSQ of one layer', () => fsqPair([4], 1), 1],
      ['FSQ with the bound in every layer', () => fsqPair([5, 4], 3, {}, false), 2],
      ['LFQ of 10 bits × 8', () => lfqPair(10, 8), 10],
      ['LFQ of 3 bits × 5, spherical', () => lfqPair(3, 5, {}, { spherical: true }), 3],
      ['LFQ of 9 bits × 4, the least significant first', () => lfqPair(9, 4, {}, { bitOrder: 'lsbFirst' }), 9],
      ['LFQ of one bit and one layer', () => lfqPair(1, 1), 1],
    ] as [string, () => Pair, number][]) {
      it(`gives what the layers give one by one, bit for bit: ${name}`, async () => {
        const { fused, layered, bound } = make();
        for (const n of some) {
          const z = latents([n, dim], n, 1.5);
          const expected = layered.quantize(bound(z));
          const found = fused.quantize(z);
          await expectIdentical(found.quantized, expected.quantized);
          await expectIdentical(found.indices, expected.indices);
          await expectIdentical(fused.encode(z), expected.indices);
          await expectIdentical(fused.decode(found.indices), expected.quantized);
          await expectIdentical(layered.decode(found.indices), expected.quantized);
          for (let layers = 1; layers <= fused.layers.length; layers++) {
            const [few, same] = [fused.quantize(z, { layers }), layered.quantize(bound(z), { layers })];
            await expectIdentical(few.quantized, same.quantized);
            await expectIdentical(few.indices, same.indices);
            await expectIdentical(fused.decode(found.indices, { layers }), same.quantized);
          }
        }
        fused.dispose();
        layered.dispose();
      });
    }

    it('does so with dropout, masks and images, in training and in inference', async () => {
      for (const pair of [
        (options: StackOptions): Pair => fsqPair([5, 4, 3], 4, options),
        (options: StackOptions): Pair => lfqPair(3, 4, options),
        (options: StackOptions): Pair => lfqPair(3, 4, options, { bitOrder: 'lsbFirst' }),
      ]) {
        const { fused, layered, bound } = pair({ quantizeDropout: true, dataFormat: 'channelsFirst', seed: 7 });
        const z = latents([2, 3, 4, 5], 3, 1.5);
        const mask = tensor(
          Array.from({ length: 40 }, (_, i) => Number(i % 3 > 0)),
          [2, 4, 5],
        );
        const bounded = transpose(bound(transpose(z, [0, 2, 3, 1])), [0, 3, 1, 2]);
        // A padded token passes through as it is, bounded or not.
        for (let call = 0; call < 6; call++) {
          const found = fused.quantize(z, { training: call < 4 });
          const expected = layered.quantize(bounded, { training: call < 4 });
          await expectIdentical(found.quantized, expected.quantized);
          await expectIdentical(found.indices, expected.indices);
          await expectIdentical(fused.decode(found.indices), expected.quantized);
          const [masked, same] = [fused.quantize(z, { mask }), layered.quantize(bounded, { mask })];
          await expectIdentical(masked.indices, same.indices);
          await expectIdentical(fused.decode(masked.indices), layered.decode(same.indices));
          await expectIdentical(fused.encode(z, { mask }), same.indices);
        }
        expect(fused.rng.state()).toEqual(layered.rng.state());
        fused.dispose();
        layered.dispose();
      }
    });

    it('decodes any integers as the layers do', async () => {
      for (const quantizeDropout of [false, true]) {
        for (const { fused, layered } of [
          fsqPair([3, 2], 3, { quantizeDropout }),
          lfqPair(3, 3, { quantizeDropout }),
          lfqPair(3, 3, { quantizeDropout }, { bitOrder: 'lsbFirst' }),
        ]) {
          const rng = createRng(5);
          const values = Int32Array.from({ length: 600 }, () => rng.integer(11) - 2);
          values.set([2 ** 31 - 1, 0, 0, -(2 ** 31), -1, -1]);
          const indices = tensor(values, [200, 3], 'int32');
          await expectIdentical(fused.decode(indices), layered.decode(indices));
          for (const layers of [1, 2]) {
            await expectIdentical(fused.decode(indices, { layers }), layered.decode(indices, { layers }));
            const few = slice(indices, [0, 0], [-1, layers]);
            await expectIdentical(fused.decode(few, { layers }), layered.decode(few, { layers }));
          }
          fused.dispose();
          layered.dispose();
        }
      }
    });

    it('sums codebooks as the layers do', async () => {
      const options = { dim: 5, codebookSize: 6, numQuantizers: 3, quantizeDropout: true };
      for (const stack of [
        createResidualSimVq(options),
        createResidualVq({ ...options, useCosineSim: true }),
        createResidualVq({ ...options, codebookSize: [7, 5, 3] }),
        createResidualSimVq({ ...options, sharedCodebook: true }),
        createResidualVq({ ...options, sharedCodebook: true }),
      ]) {
        const z = latents([40, 5], 4);
        for (const training of [false, true, false]) {
          const { indices, quantized } = stack.quantize(z, { training });
          if (!training) await expectIdentical(stack.decode(indices), quantized);
          const columns = stack.layers.map((layer, j) => layer.decode(reshape(slice(indices, [0, j], [-1, 1]), [-1])));
          await expectIdentical(
            stack.decode(indices),
            columns.reduce((total, codes) => add(total, codes)),
          );
          await expectIdentical(
            stack.decode(indices, { layers: 2 }),
            add(add(columns[0] as Tensor, columns[1] as Tensor), 0),
          );
        }
        stack.dispose();
      }
    });

    it('nests', async () => {
      const make = (own: (j: number) => Quantizer): Residual =>
        createResidual({ layers: [createGrouped({ groups: [own(0), own(1)] }), createLfq({ dim: 6 })] });
      const one = make((j) => lfqPair(3, 2 + j).fused);
      const other = make((j) => lfqPair(3, 2 + j).layered);
      const z = latents([50, 6], 8);
      const [found, expected] = [one.quantize(z), other.quantize(z)];
      await expectIdentical(found.quantized, expected.quantized);
      await expectIdentical(found.indices, expected.indices);
      await expectIdentical(one.encode(z), expected.indices);
      await expectIdentical(one.decode(found.indices), expected.quantized);
      one.dispose();
      other.dispose();
    });

    it('has the gradient of the layers, for the bound and the projections too', async () => {
      const weights = latents([20, 5], 2);
      const options = { numQuantizers: 3, dim: 5 };
      for (const make of [
        // Noise on no code: the layers run one by one.
        (layered: boolean) =>
          createResidualFsq({ levels: [5, 4, 3], ...options, ...(layered ? { noiseDropout: 1e-300 } : {}) }),
      ]) {
        const gradients = async (stack: Residual): Promise<ArrayLike<number>[]> => {
          const z = latents([20, 5], 3);
          const variables = Object.values(stack.variables());
          const { grads } = engine().gradients(
            () => sum(mul(stack.quantize(z, { training: true }).quantized, weights)),
            [z, ...variables],
          );
          stack.dispose();
          return Promise.all(grads.map((each) => each.data()));
        };
        const [found, expected] = [await gradients(make(false)), await gradients(make(true))];
        expect(found.length).toBe(5);
        for (const [i, each] of found.entries()) await expectIdentical(each, expected[i] as ArrayLike<number>);
      }
      const { fused, layered, bound } = fsqPair([5, 4, 3, 3, 3], 2);
      for (const training of [false, true]) {
        const of = (stack: Residual, f: (x: Tensor) => Tensor): Tensor =>
          grad((z: Tensor) => sum(mul(stack.quantize(f(z), { training }).quantized, weights)))(latents([20, 5], 3));
        await expectIdentical(
          of(fused, (z) => z),
          of(layered, bound),
        );
      }
      fused.dispose();
      layered.dispose();
    });

    it('runs where it may, and only there', async () => {
      const z = latents([8, 4]);
      const runs = async (stack: Residual, training: boolean): Promise<boolean> => {
        const names = await kernelsOf(() => stack.quantize(z, { training }).quantized);
        stack.dispose();
        return names.some((name) => name === 'ResidualFsq' || name === 'ResidualSign');
      };
      const fsq = { levels: [5, 4, 3, 3], numQuantizers: 2 };
      expect(await runs(createResidualFsq(fsq), true)).toBe(true);
      expect(await runs(createResidualFsq({ ...fsq, noiseDropout: 0.5 }), false)).toBe(true);
      expect(await runs(createResidualFsq({ ...fsq, noiseDropout: 0.5 }), true)).toBe(false);
      expect(await runs(createResidualFsq({ ...fsq, orthogonalRotation: true }), false)).toBe(false);
      expect(await runs(createResidualFsq({ ...fsq, gradient: 'perLayer' }), false)).toBe(false);
      const lfq = { dim: 4, numQuantizers: 2 };
      expect(await runs(createResidualLfq(lfq), false)).toBe(true);
      // The losses of every layer are needed.
      expect(await runs(createResidualLfq(lfq), true)).toBe(false);
      expect(await runs(createResidualLfq({ ...lfq, softClampInputValue: 2 }), false)).toBe(false);
      expect(await runs(createResidualLfq({ ...lfq, orthogonalRotation: true }), false)).toBe(false);
      expect(await runs(createResidualLfq({ ...lfq, gradient: 'perLayer' }), false)).toBe(false);
    });

    it('leaves nothing behind', () => {
      for (const stack of [
        createResidualFsq({ levels: [5, 4, 3], numQuantizers: 3, dim: 4, quantizeDropout: true }),
        createResidualLfq({ dim: 4, numQuantizers: 3 }),
        createResidualVq({ dim: 4, codebookSize: 5, numQuantizers: 3 }),
      ]) {
        const z = latents([21, 4]);
        const step = (): void =>
          tidy(() => {
            stack.decode(stack.encode(z));
            grad((x: Tensor) => sum(stack.quantize(x, { training: true }).quantized))(z);
            grad((x: Tensor) => sum(stack.quantize(x).quantized))(z);
          });
        step();
        const before = memory();
        for (let i = 0; i < 10; i++) step();
        expect(memory().numTensors).toBe(before.numTensors);
        expect(memory().numBytes).toBe(before.numBytes);
        stack.dispose();
        z.dispose();
      }
    });
  });
});

describe('scaledThreshold', () => {
  it('compares as the rounded quotient does', () => {
    const float32 = fc.float({ noNaN: true, noDefaultInfinity: true, min: -4, max: 4 });
    fc.assert(
      fc.property(float32, fc.float({ min: Math.fround(1e-6), max: 3, noNaN: true }), float32, (t, s, other) => {
        const edge = scaledThreshold(t, s);
        for (const r of [other, edge, edge * (1 + 2 ** -23), edge * (1 - 2 ** -23), 0, -0].map(Math.fround)) {
          expect(r >= edge).toBe(Math.fround(r / s) >= t);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
