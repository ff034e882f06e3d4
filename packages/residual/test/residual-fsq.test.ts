import { tensor } from '@tensorflow/tfjs-core';
import { createRng, OptionError } from '@vqkit/core-tensor';
import { describeQuantizer, eachEngine, expectClose, spreadIt, tolerances } from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createResidualFsq, type ResidualFsqOptions } from '../src/index.ts';

const gradient = fc.constantFrom('identity' as const, 'perLayer' as const);
const numQuantizers = fc.integer({ min: 1, max: 4 });

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

eachEngine((engine) => {
  const it = spreadIt(engine);
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
});

describe('bad input of createResidualFsq', () => {
  const fails = (call: () => unknown, text: RegExp): void => {
    expect(call).toThrow(OptionError);
    expect(call).toThrow(text);
  };

  it('names the option, the rule, the value and the fix', () => {
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
    fails(create({ ...free, preserveSymmetry: false }), /options must have no 'preserveSymmetry'/);
  });
});
