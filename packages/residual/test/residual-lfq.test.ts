import { abs, max, mul, sub, type Tensor, tensor, tidy, zeros } from '@tensorflow/tfjs-core';
import { createRng, OptionError } from '@vqkit/core-tensor';
import { createLfq } from '@vqkit/lfq';
import {
  describeQuantizer,
  eachEngine,
  expectClose,
  expectIdentical,
  expectSame,
  spreadIt,
  tolerances,
} from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createResidualLfq, type ResidualLfqOptions } from '../src/index.ts';

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

eachEngine((engine) => {
  const it = spreadIt(engine);
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
});

describe('bad input of createResidualLfq', () => {
  const fails = (call: () => unknown, text: RegExp): void => {
    expect(call).toThrow(OptionError);
    expect(call).toThrow(text);
  };

  it('names the option, the rule, the value and the fix', () => {
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
    fails(create({ numQuantizers: 2, dim: 4, numCodebooks: 2 }), /options must have no 'numCodebooks'/);
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
});
