import {
  abs,
  engine,
  max,
  mul,
  reshape,
  type Scalar,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';
import { createRng, OptionError } from '@vqkit/core-tensor';
import { createLfq } from '@vqkit/lfq';
import { describeQuantizer, eachEngine, expectClose, expectIdentical, expectSame, tolerances } from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createGroupedResidualFsq,
  createGroupedResidualLfq,
  createGroupedResidualSimVq,
  createResidualFsq,
  createResidualLfq,
  createResidualSimVq,
  createResidualVq,
  type GroupedResidualLfqOptions,
  type ResidualFsqOptions,
  type ResidualLfqOptions,
  type ResidualSimVqOptions,
  type ResidualVqOptions,
} from '../src/index.ts';

const gradient = fc.constantFrom('identity' as const, 'perLayer' as const);
const numQuantizers = fc.integer({ min: 1, max: 4 });

describeQuantizer<ResidualLfqOptions>('Residual LFQ', {
  create: createResidualLfq,
  variants: {
    'projected, commitment': { dim: 6, codebookSize: 16, numQuantizers: 3, commitmentLossWeight: 0.25 },
    plain: { dim: 4, numQuantizers: 3 },
    'spherical, rotated, per layer': {
      dim: 4,
      numQuantizers: 3,
      spherical: true,
      orthogonalRotation: true,
      gradient: 'perLayer',
    },
  },
  random: fc.record({
    dim: fc.integer({ min: 1, max: 6 }),
    codebookSize: fc.constantFrom(2, 16, 64),
    numQuantizers,
    gradient,
    spherical: fc.boolean(),
    orthogonalRotation: fc.boolean(),
    softClampInputValue: fc.constantFrom(null, 1, 3),
  }),
  straightThrough: ['plain'],
});

describeQuantizer<ResidualFsqOptions>('Residual FSQ', {
  create: createResidualFsq,
  variants: {
    projected: { levels: [5, 4, 3], dim: 5, numQuantizers: 3 },
    plain: { levels: [8, 5, 5], numQuantizers: 3 },
    'without the bound': { levels: [2, 7], numQuantizers: 2, boundHardClamp: false, softClampInputValue: [2, 3] },
    'rotated, per layer': { levels: [5, 5, 5], numQuantizers: 2, orthogonalRotation: true, gradient: 'perLayer' },
  },
  random: fc.record({
    levels: fc.array(fc.integer({ min: 2, max: 9 }), { minLength: 1, maxLength: 4 }),
    numQuantizers,
    gradient,
    boundHardClamp: fc.boolean(),
    orthogonalRotation: fc.boolean(),
  }),
});

describeQuantizer<ResidualSimVqOptions>('Residual SimVQ', {
  create: createResidualSimVq,
  variants: {
    plain: { dim: 4, codebookSize: 9, numQuantizers: 3 },
    'shared MLP, per layer': {
      ...{ dim: 3, codebookSize: 6, numQuantizers: 3, sharedCodebook: true, gradient: 'perLayer' },
      codebookTransform: { hidden: [5] },
    },
    'narrow codebook, straight-through': {
      dim: 6,
      codebookSize: 8,
      numQuantizers: 2,
      frozenCodebookDim: 2,
      rotationTrick: false,
    },
  },
  random: fc.record({
    dim: fc.integer({ min: 1, max: 5 }),
    codebookSize: fc.integer({ min: 1, max: 12 }),
    frozenCodebookDim: fc.integer({ min: 1, max: 5 }),
    numQuantizers,
    gradient,
    sharedCodebook: fc.boolean(),
  }),
  straightThrough: ['plain'],
});

describeQuantizer<ResidualVqOptions>('Residual VQ', {
  create: createResidualVq,
  variants: {
    projected: { dim: 5, codebookSize: 9, codebookDim: 3, numQuantizers: 3 },
    'of different sizes, cosine, per layer': {
      ...{ dim: 4, codebookSize: [7, 5, 3], useCosineSim: true, gradient: 'perLayer' },
      thresholdEmaDeadCode: 1,
    },
    learnable: { dim: 4, codebookSize: 6, numQuantizers: 2, learnableCodebook: true, rotationTrick: false },
  },
  random: fc.record({
    dim: fc.integer({ min: 1, max: 5 }),
    codebookSize: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant([4, 2])),
    numQuantizers: fc.constant(2),
    codebookDim: fc.integer({ min: 1, max: 5 }),
    gradient,
    useCosineSim: fc.boolean(),
    learnableCodebook: fc.boolean(),
  }),
  straightThrough: ['learnable'],
});

describeQuantizer<GroupedResidualLfqOptions>('Grouped residual LFQ', {
  create: createGroupedResidualLfq,
  variants: { projected: { dim: 6, groups: 2, codebookSize: 4, numQuantizers: 2, commitmentLossWeight: 0.5 } },
  random: fc
    .record({
      groups: fc.integer({ min: 1, max: 3 }),
      width: fc.integer({ min: 1, max: 3 }),
      codebookSize: fc.constantFrom(2, 8),
      numQuantizers,
      gradient,
    })
    .map(({ width, ...options }) => ({ ...options, dim: width * options.groups })),
});

eachEngine(() => {
  describe('residual LFQ', () => {
    it('is off by at most 2^-(Q-1) within ±2, and saturates beyond', async () => {
      for (const depth of [1, 2, 3, 6, 10]) {
        const stack = createResidualLfq({ dim: 8, numQuantizers: depth });
        const z = tensor(createRng(depth).uniformArray(8000, -2, 2), [1000, 8]);
        const [error] = await tidy(() => max(abs(sub(stack.quantize(z).quantized, z)))).data();
        // All numbers on the way are multiples of a float32's last bit of values below 2.
        expect(error).toBeLessThanOrEqual(2 ** -(depth - 1) + 2 ** -23);
        expect(error).toBeGreaterThan(0.9 * 2 ** -(depth - 1));
        const far = stack.quantize(tensor([[5, -5, 1e30, -1e30, 2, -2, 3, -3]])).quantized;
        const edge = 2 - 2 ** -(depth - 1);
        await expectSame(far, [edge, -edge, edge, -edge, edge, -edge, edge, -edge]);
        stack.dispose();
      }
    });

    it('rescales the temperature, so that features of half the size have the same entropies one layer deeper', async () => {
      const options = { dim: 5, numQuantizers: 4, invTemperature: 2 };
      const stack = createResidualLfq(options);
      const same = createResidualLfq({ ...options, rescaleTemperature: false });
      const z = tensor(createRng(1).uniformArray(500, -2, 2), [100, 5]);
      const { losses, quantized } = stack.quantize(z, { training: true });
      await expectIdentical(same.quantize(z).quantized, quantized);
      const unscaled = same.quantize(z, { training: true }).losses;
      let residual: Tensor = z;
      for (let j = 0; j < 4; j++) {
        const own = (factor: number): Tensor => {
          const lfq = createLfq({ dim: 5, codebookScale: 2 ** -j, invTemperature: 2 * factor, seed: 0 });
          const { perSampleEntropy } = lfq.quantize(residual, { training: true }).losses;
          lfq.dispose();
          return perSampleEntropy;
        };
        await expectIdentical(losses[`layer${j}.perSampleEntropy`] as Tensor, own(4 ** j));
        await expectIdentical(unscaled[`layer${j}.perSampleEntropy`] as Tensor, own(1));
        // The same as one quantizer of scale 1 on the residual at that scale.
        const one = createLfq({ dim: 5, invTemperature: 2 });
        const atScale = one.quantize(mul(residual, 2 ** j), { training: true }).losses.perSampleEntropy;
        await expectClose(losses[`layer${j}.perSampleEntropy`] as Tensor, atScale, tolerances.float32);
        const layer = createLfq({ dim: 5, codebookScale: 2 ** -j });
        residual = sub(residual, layer.quantize(residual).quantized);
        one.dispose();
        layer.dispose();
      }
      const hotter = stack.quantize(z, { training: true, invTemperature: 1 }).losses;
      const twice = createResidualLfq({ ...options, invTemperature: 1 });
      await expectIdentical(
        hotter.perSampleEntropy as Tensor,
        twice.quantize(z, { training: true }).losses.perSampleEntropy as Tensor,
      );
      const schedule = createResidualLfq({ ...options, invTemperature: { from: 1, to: 4, steps: 10 } });
      const early = schedule.quantize(z, { training: true, step: 0 }).losses;
      await expectIdentical(early.perSampleEntropy as Tensor, hotter.perSampleEntropy as Tensor);
      for (const each of [stack, same, twice, schedule]) each.dispose();
    });
  });

  describe('residual FSQ', () => {
    it('is off the bounded input by at most L^-(Q-1) / (L - 1)', async () => {
      for (const count of [2, 3, 4, 5, 8]) {
        for (const depth of [1, 2, 3, 4]) {
          const stack = createResidualFsq({ levels: [count, count], numQuantizers: depth });
          const v = count / (count - 1);
          const inputs = createRng(depth).uniformArray(4000, -6, 6);
          const z = tensor(inputs, [2000, 2]);
          const codes = await stack.quantize(z).quantized.data();
          let worst = 0;
          for (const [i, x] of inputs.entries())
            worst = Math.max(worst, Math.abs((codes[i] as number) - v * Math.tanh(x / v)));
          const bound = count ** -(depth - 1) / (count - 1);
          // float32 tanh, division and sums on values up to v: a few ulp.
          expect(worst).toBeLessThanOrEqual(bound + 8 * tolerances.rounding);
          expect(worst).toBeGreaterThan(0.8 * bound);
          stack.dispose();
        }
      }
    });

    it('has the codes of the finer grid: Q layers of L levels are one of L^Q', async () => {
      const stack = createResidualFsq({ levels: [3], numQuantizers: 3 });
      const codes = await stack
        .decode(
          tensor(
            Array.from({ length: 27 }, (_, i) => [Math.floor(i / 9), Math.floor(i / 3) % 3, i % 3]),
            [27, 3],
            'int32',
          ),
        )
        .data();
      // 27 codes, evenly spaced, symmetric about 0: centres of 27 cells of [-1.5, 1.5].
      await expectClose(
        codes,
        Array.from({ length: 27 }, (_, i) => (i - 13) / 9),
        tolerances.float32,
      );
      stack.dispose();
    });

    it('lets later layers see the noise of earlier ones', async () => {
      const stack = createResidualFsq({ levels: [5, 5], numQuantizers: 2, noiseDropout: 1 });
      const z = tensor(createRng(2).normalArray(200, 1), [100, 2]);
      const [noisy, plain] = [stack.quantize(z, { training: true }), stack.quantize(z)];
      const [a, b] = await Promise.all([noisy.indices.data(), plain.indices.data()]);
      expect(a.filter((_, i) => i % 2 === 0)).toEqual(b.filter((_, i) => i % 2 === 0));
      expect(a).not.toEqual(b);
      stack.dispose();
    });
  });

  describe('residual SimVQ', () => {
    it('makes the error smaller with every layer after a little training, for itself and its inputs', async () => {
      const stack = createResidualSimVq({ dim: 4, codebookSize: 32, numQuantizers: 4 });
      const z = tensor(createRng(3).normalArray(2000, 1), [500, 4]);
      const variables = Object.values(stack.variables());
      for (let step = 0; step < 60; step++) {
        tidy(() => {
          const { grads } = engine().gradients(() => stack.quantize(z, { training: true }).loss, variables);
          for (const [i, variable] of variables.entries()) variable.assign(sub(variable, mul(grads[i] as Tensor, 2)));
        });
      }
      const indices = stack.encode(z);
      const errors: number[] = [];
      for (const layers of [1, 2, 3, 4]) {
        const [error] = await tidy(() => {
          const difference = sub(stack.decode(indices, { layers }), z);
          return sum(mul(difference, difference)) as Scalar;
        }).data();
        errors.push(error as number);
      }
      expect(errors).toEqual([...errors].sort((a, b) => b - a));
      stack.dispose();
    });
  });

  describe('residual VQ', () => {
    it('learns from what every layer sees, and the error falls with every layer', async () => {
      const stack = createResidualVq({ dim: 4, codebookSize: 16, numQuantizers: 4, kmeansInit: true });
      const z = tensor(createRng(3).normalArray(2000, 1), [500, 4]);
      for (let step = 0; step < 10; step++) {
        tidy(() => {
          stack.quantize(z, { training: true });
        });
      }
      const indices = stack.encode(z);
      const errors: number[] = [];
      for (const layers of [1, 2, 3, 4]) {
        const [error] = await tidy(() => sum(square(sub(stack.decode(indices, { layers }), z)))).data();
        errors.push(error as number);
      }
      // A layer of 16 codes in 4 dimensions leaves at most about a half of a normal distribution's variance.
      for (let j = 1; j < 4; j++) expect(errors[j]).toBeLessThan(0.7 * (errors[j - 1] as number));
      stack.dispose();
    });

    it('shares one codebook that learns from all layers, and keeps it in the state once', async () => {
      const stack = createResidualVq({ dim: 4, codebookSize: 8, numQuantizers: 3, sharedCodebook: true });
      const z = tensor(createRng(3).normalArray(200, 1), [50, 4]);
      const before = stack.stateDict();
      expect(Object.keys(before).every((name) => name.startsWith('layers.0.'))).toBe(true);
      await expectIdentical(stack.decode(stack.encode(z)), stack.quantize(z).quantized);
      stack.quantize(z, { training: true, freezeCodebook: true });
      await expectIdentical(
        stack.stateDict()['layers.0._codebook.embed'] as Tensor,
        before['layers.0._codebook.embed'] as Tensor,
      );
      stack.quantize(z, { training: true });
      const sizes = await (stack.stateDict()['layers.0._codebook.cluster_size'] as Tensor).data();
      // Three layers, each n ← 0.8 n + 0.2 counts from n = 1: Σ n = 50 + (8 - 50) 0.8³.
      expect(Array.from(sizes).reduce((a, b) => a + b)).toBeCloseTo(50 + (8 - 50) * 0.8 ** 3, 3);
      stack.dispose();
    });
  });

  describe('grouped residual stacks', () => {
    it('are stacks of their own on their share of the features', async () => {
      const grouped = createGroupedResidualFsq({ dim: 6, groups: 3, levels: [5, 4], numQuantizers: 2 });
      const single = createResidualFsq({ levels: [5, 4], numQuantizers: 2 });
      const z = tensor(createRng(4).normalArray(60, 1), [10, 6]);
      const [ids, alone] = await Promise.all([grouped.encode(z).data(), single.encode(reshape(z, [30, 2])).data()]);
      expect(Array.from(ids)).toEqual(Array.from(alone));
      await expectSame(
        grouped.decode(grouped.encode(z), { layers: 1 }),
        await single.decode(single.encode(reshape(z, [30, 2])), { layers: 1 }).data(),
      );
      grouped.dispose();
      single.dispose();
    });

    it('drop the same layers in all groups', async () => {
      const grouped = createGroupedResidualSimVq({
        dim: 6,
        groups: 3,
        codebookSize: 8,
        numQuantizers: 4,
        quantizeDropout: true,
      });
      const z = tensor(createRng(4).normalArray(60, 1), [10, 6]);
      const depths = new Set<number>();
      for (let i = 0; i < 20; i++) {
        const { indices, quantized } = grouped.quantize(z, { training: true });
        const data = await indices.data();
        const present = Array.from({ length: 12 }, (_, c) => data[c] !== -1);
        const kept = present.slice(0, 4).filter(Boolean).length;
        depths.add(kept);
        for (let g = 0; g < 3; g++) expect(present.slice(4 * g, 4 * g + 4)).toEqual([0, 1, 2, 3].map((j) => j < kept));
        await expectIdentical(grouped.decode(indices), quantized);
      }
      expect(depths.size).toBeGreaterThan(2);
      const { losses } = grouped.quantize(z, { training: true, layers: 2 });
      expect(Object.keys(losses)).toContain('group2.layer1.commitment');
      grouped.dispose();
    });
  });
});

describe('bad input', () => {
  const fails = (call: () => unknown, text: RegExp): void => {
    expect(call).toThrow(OptionError);
    expect(call).toThrow(text);
  };

  it('of createResidualLfq', () => {
    const create = (options: unknown) => () => createResidualLfq(options as ResidualLfqOptions);
    fails(create({ dim: 4 }), /^createResidualLfq: numQuantizers must be an integer >= 1, got undefined/);
    fails(create({ dim: 4, numQuantizers: 0 }), /numQuantizers must be an integer >= 1, got 0\. Use 1 or more/);
    fails(create({ numQuantizers: 2 }), /codebookSize must be given when dim is not, got undefined\. Use 2\^d/);
    fails(create({ numQuantizers: 2, dim: 40 }), /dim must be an integer from 1 to 30, got 40/);
    fails(create({ numQuantizers: 2, dim: 0, codebookSize: 4 }), /dim must be an integer >= 1, got 0/);
    fails(create({ numQuantizers: 2, codebookSize: 5 }), /codebookSize must be a power of two, got 5\. Use 4 or 8/);
    fails(
      create({ numQuantizers: 2, dim: 4, softClampInputValue: 0.5 }),
      /softClampInputValue must be at least codebookScale/,
    );
    fails(create({ numQuantizers: 2, dim: 4, codebookScale: 0 }), /codebookScale must be a finite number > 0, got 0/);
    fails(
      create({ numQuantizers: 2, dim: 4, rescaleTemperature: 1 }),
      /rescaleTemperature must be true or false, got 1/,
    );
    fails(
      create({ numQuantizers: 2, dim: 4, invTemperature: { from: 1 } }),
      /invTemperature\.to must be a finite number > 0/,
    );
    fails(create({ numQuantizers: 2, dim: 4, numCodebooks: 2 }), /options has no 'numCodebooks'/);
    fails(
      create({ numQuantizers: 2, dim: 4, quantizeDropoutCutoffIndex: 2 }),
      /quantizeDropoutCutoffIndex must be an integer from 0 to 1, got 2/,
    );
    const stack = createResidualLfq({ numQuantizers: 2, dim: 4 });
    fails(
      () => stack.quantize(zeros([1, 4]), { invTemperature: 0 }),
      /createResidualLfq\(\)\.quantize: invTemperature must be a finite number > 0, got 0/,
    );
    stack.dispose();
  });

  it('of createResidualFsq', () => {
    const create = (options: unknown) => () => createResidualFsq(options as ResidualFsqOptions);
    fails(create({ levels: [5] }), /^createResidualFsq: numQuantizers must be an integer >= 1, got undefined/);
    fails(create({ levels: [5, 1], numQuantizers: 2 }), /levels\[1\] must be an integer >= 2, got 1/);
    fails(create({ numQuantizers: 2 }), /levels must be a list of integers >= 2, got undefined/);
    fails(
      create({ levels: [5], numQuantizers: 2, softClampInputValue: 2 }),
      /softClampInputValue must be null with boundHardClamp, got 2\. Leave it out/,
    );
    const free = { levels: [5, 5], numQuantizers: 2, boundHardClamp: false };
    fails(create({ ...free, softClampInputValue: 0 }), /softClampInputValue must be a finite number > 0, got 0/);
    fails(
      create({ ...free, softClampInputValue: [1] }),
      /softClampInputValue must be a number > 0 or a list of 2, one per code dimension, got \[1\]/,
    );
    fails(
      create({ ...free, softClampInputValue: [1, -1] }),
      /softClampInputValue\[1\] must be a finite number > 0, got -1/,
    );
    fails(create({ ...free, boundHardClamp: 1 }), /boundHardClamp must be true or false/);
    fails(create({ ...free, preserveSymmetry: false }), /options has no 'preserveSymmetry'/);
  });

  it('of createResidualSimVq', () => {
    const create = (options: unknown) => () => createResidualSimVq(options as ResidualSimVqOptions);
    fails(
      create({ dim: 4, codebookSize: 4 }),
      /^createResidualSimVq: numQuantizers must be an integer >= 1, got undefined/,
    );
    fails(
      create({ dim: 4, codebookSize: 4, numQuantizers: 2, sharedCodebook: 1 }),
      /sharedCodebook must be true or false/,
    );
    const own = { apply: (x: Tensor) => x, parameters: [] };
    fails(
      create({ dim: 4, codebookSize: 4, numQuantizers: 2, codebookTransform: own }),
      /codebookTransform must be 'linear' or .+ unless sharedCodebook is on/,
    );
  });

  it('of createResidualVq', () => {
    const create = (options: unknown) => () => createResidualVq(options as ResidualVqOptions);
    fails(
      create({ dim: 4, codebookSize: 4 }),
      /^createResidualVq: numQuantizers must be an integer >= 1, got undefined/,
    );
    fails(create({ codebookSize: 4, numQuantizers: 2 }), /dim must be an integer >= 1, got undefined/);
    fails(
      create({ dim: 4, codebookSize: [4, 5], numQuantizers: 3 }),
      /codebookSize must be a number, or a list of 3, one per layer, got \[4,5\]/,
    );
    fails(create({ dim: 4, codebookSize: [] }), /numQuantizers must be an integer >= 1, got 0/);
    fails(
      create({ dim: 4, codebookSize: [4, 5], sharedCodebook: true }),
      /codebookSize must be the same in all layers that share it, got \[4,5\]/,
    );
    fails(create({ dim: 4, codebookSize: 4, numQuantizers: 2, heads: 2 }), /options has no 'heads'/);
    fails(
      create({ dim: 4, codebookSize: 4, numQuantizers: 2, codebookDim: 0 }),
      /codebookDim must be an integer >= 1, got 0/,
    );
  });

  it('of the grouped ones', () => {
    const create = (options: unknown) => () => createGroupedResidualLfq(options as GroupedResidualLfqOptions);
    fails(
      create({ dim: 7, groups: 2, codebookSize: 4, numQuantizers: 2 }),
      /^createGroupedResidualLfq: dim must be a multiple of groups \(2\), got 7\. Use 8\.$/,
    );
    fails(create({ dim: 8, groups: 0, codebookSize: 4, numQuantizers: 2 }), /groups must be an integer >= 1, got 0/);
    fails(create({ groups: 2, codebookSize: 4, numQuantizers: 2 }), /dim must be an integer >= 1, got undefined/);
    fails(create(undefined), /options must be an object, got undefined/);
    fails(create({ dim: 8, groups: 2, codebookSize: 4, numQuantizers: 2, seed: -1 }), /seed must be an integer from 0/);
  });
});
