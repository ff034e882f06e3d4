import {
  grad,
  grads,
  memory,
  mul,
  type Scalar,
  sum,
  type Tensor,
  type Tensor4D,
  tensor4d,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';
import { createRng, OptionError, ShapeError } from '@vqkit/core-tensor';
import { eachEngine, expectClose, expectSame, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createConfig, type TrainOptions } from '../src/config.ts';
import { type Autoencoder, createAutoencoder } from '../src/model/autoencoder.ts';
import { createConv2d, maxPool2 } from '../src/model/layers.ts';
import { reconstructionLoss } from '../src/model/reconstruction-loss.ts';

type Shape4 = [number, number, number, number];

function normal(shape: Shape4, seed: number): { values: Float32Array; tensor: Tensor4D } {
  const values = createRng(seed).normalArray(
    shape.reduce((product, size) => product * size, 1),
    1,
  );
  return { values, tensor: tensor4d(values, shape) };
}

/** Calls `visit` for every element of a channels-last tensor. */
function each(
  [batch, height, width, channels]: Shape4,
  visit: (n: number, y: number, x: number, c: number, at: number) => void,
): void {
  let at = 0;
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) for (let c = 0; c < channels; c++) visit(n, y, x, c, at++);
}

eachEngine(() => {
  describe('createConv2d', () => {
    it.each([1, 2] as const)(
      'is the convolution of its PyTorch weights, padded to keep the size, upsampled × %s, against float64',
      async (upsample) => {
        const [inputs, outputs] = [3, 2];
        const [height, width] = [5, 4];
        const conv = createConv2d({ name: 'c', inputs, outputs, kernel: 3, upsample, rng: createRng(1) });
        const x = normal([2, height, width, inputs], 2);
        const [weight, bias] = await Promise.all(conv.weights.map(({ variable, toTorch }) => toTorch(variable).data()));
        const expected: number[] = [];
        each([2, upsample * height, upsample * width, outputs], (n, y, column, o) => {
          let value = bias?.[o] as number;
          for (let i = 0; i < inputs; i++)
            for (let dy = 0; dy < 3; dy++)
              for (let dx = 0; dx < 3; dx++) {
                const [row, col] = [y + dy - 1, column + dx - 1];
                if (row < 0 || row >= upsample * height || col < 0 || col >= upsample * width) continue;
                const source = (n * height + Math.floor(row / upsample)) * width + Math.floor(col / upsample);
                const pixel = x.values[source * inputs + i] as number;
                value += pixel * (weight?.[((o * inputs + i) * 3 + dy) * 3 + dx] as number);
              }
          expected.push(value);
        });
        await expectClose(conv.apply(x.tensor), expected, tolerances.float32);
      },
    );

    it('starts uniform within ±1/√(inputs · kernel²), a function of the seed and the name', async () => {
      const make = (name: string): Promise<Float32Array> => {
        const conv = createConv2d({ name, inputs: 16, outputs: 32, kernel: 3, rng: createRng(5) });
        return conv.weights[0]?.variable.data() as Promise<Float32Array>;
      };
      const values = await make('a');
      const bound = 1 / 12;
      expect(Math.max(...values)).toBeLessThanOrEqual(bound);
      expect(Math.max(...values)).toBeGreaterThan(0.99 * bound);
      expect(Math.min(...values)).toBeLessThan(-0.99 * bound);
      const meanSquare = values.reduce((total, value) => total + value * value, 0) / values.length;
      // Variance of the uniform distribution, bound²/3, with the deviation of 4,608 draws.
      expect(Math.abs(meanSquare / (bound * bound) - 1 / 3)).toBeLessThan(0.02);
      expect(await make('a')).toEqual(values);
      expect(await make('b')).not.toEqual(values);
    });
  });

  describe('maxPool2', () => {
    it('sends the gradient to the first of the largest pixels, in every image and channel', async () => {
      const shape: Shape4 = [3, 4, 6, 5];
      // Few different values, so that many windows have ties.
      const values = normal(shape, 3).values.map((value) => Math.round(value));
      const dy = normal([3, 2, 3, 5], 4);
      const expected = new Float32Array(values.length);
      each([3, 2, 3, 5], (n, y, x, c, at) => {
        let best = -1;
        for (const [i, j] of [
          [0, 0],
          [0, 1],
          [1, 0],
          [1, 1],
        ] as const) {
          const place = ((n * 4 + 2 * y + i) * 6 + 2 * x + j) * 5 + c;
          if (best < 0 || (values[place] as number) > (values[best] as number)) best = place;
        }
        expected[best] = dy.values[at] as number;
      });
      const dx = grad((t: Tensor) => sum(mul(maxPool2(t as Tensor4D), dy.tensor)))(tensor4d(values, shape));
      await expectSame(dx, expected);
    });
  });

  describe('reconstructionLoss', () => {
    const images = (): Tensor4D => tensor4d([-1, 0.5, 0, 1], [1, 2, 2, 1]);
    const output = (): Tensor4D => tensor4d([-1.5, 0.25, 0, 0.5], [1, 2, 2, 1]);

    it.each([
      ['mse', false, (0.25 + 0.0625 + 0 + 0.25) / 4, [-0.25, -0.125, 0, -0.25]],
      ['mse', true, (0 + 0.0625 + 0 + 0.25) / 4, [0, -0.125, 0, -0.25]],
      ['l1', false, (0.5 + 0.25 + 0 + 0.5) / 4, [-0.25, -0.25, 0, -0.25]],
      ['l1', true, (0 + 0.25 + 0 + 0.5) / 4, [0, -0.25, 0, -0.25]],
    ] as const)('%s, clamped: %s, has the value and gradient of PyTorch', async (loss, clamp, value, gradient) => {
      await expectClose(reconstructionLoss(output(), images(), loss, clamp), [value], tolerances.float32);
      const [dx] = grads((out: Tensor) => reconstructionLoss(out as Tensor4D, images(), loss, clamp) as Scalar)([
        output(),
      ]);
      await expectClose(dx as Tensor, gradient, tolerances.float32);
    });
  });

  describe('createAutoencoder', () => {
    const make = (options: TrainOptions): Autoencoder => createAutoencoder(createConfig(options), 1);
    const shapes = (model: Autoencoder): Record<string, number[]> =>
      tidy(() => Object.fromEntries(Object.entries(model.stateDict()).map(([name, value]) => [name, value.shape])));
    const ends = {
      'encoder.conv1.weight': [16, 1, 3, 3],
      'encoder.conv1.bias': [16],
      'encoder.conv2.weight': [32, 16, 3, 3],
      'encoder.conv2.bias': [32],
      'decoder.conv1.weight': [16, 32, 3, 3],
      'decoder.conv1.bias': [16],
      'decoder.conv2.weight': [1, 16, 3, 3],
      'decoder.conv2.bias': [1],
    };
    const around = (dim: number): Record<string, number[]> => ({
      'to_code.weight': [dim, 32, 1, 1],
      'to_code.bias': [dim],
      'from_code.weight': [32, dim, 3, 3],
      'from_code.bias': [32],
    });

    it('has the layers of the recipe, in PyTorch layouts', () => {
      expect(shapes(make({ quantizer: 'fsq' }))).toEqual({ ...ends, ...around(3) });
      expect(shapes(make({ quantizer: 'simvq' }))).toEqual({
        ...ends,
        'quantizer.frozen_codebook': [256, 32],
        'quantizer.code_transform.0.weight': [128, 32],
        'quantizer.code_transform.0.bias': [128],
        'quantizer.code_transform.2.weight': [32, 128],
        'quantizer.code_transform.2.bias': [32],
      });
    });

    it('goes by any widths, channels and dimensions', () => {
      const model = createAutoencoder(
        createConfig({ quantizer: 'simvq', quantizerOptions: { dim: 6, codebookSize: 20 }, widths: [4, 6, 8] }),
        3,
      );
      const images = normal([2, 16, 24, 3], 7).tensor;
      const { latents, indices, output } = model.forward(images, { training: false });
      expect(latents.shape).toEqual([2, 2, 3, 6]);
      expect(indices.shape).toEqual([2, 2, 3]);
      expect(output.shape).toEqual([2, 16, 24, 3]);
      expect(shapes(model)['to_code.weight']).toEqual([6, 8, 1, 1]);
    });

    it('decodes what it encodes to the output of the whole pass', async () => {
      for (const quantizer of ['fsq', 'simvq'] as const) {
        const model = make({ quantizer });
        const images = normal([3, 28, 28, 1], 8).tensor;
        const { output, indices } = model.forward(images, { training: false });
        await expectSame(model.encode(images), indices);
        await expectSame(model.decode(indices), output);
      }
    });

    it('copies all its weights through its state dict, and leaves no tensors', async () => {
      const before = memory().numTensors;
      const [a, b] = [make({ quantizer: 'simvq', seed: 1 }), make({ quantizer: 'simvq', seed: 2 })];
      const images = normal([1, 28, 28, 1], 9).tensor;
      const held = memory().numTensors;
      const state = a.stateDict();
      b.loadStateDict(state);
      for (const value of Object.values(state)) value.dispose();
      expect(memory().numTensors).toBe(held);
      const run = async (model: Autoencoder): Promise<Float32Array> => {
        const output = tidy(() => model.forward(images, { training: false }).output);
        const data = (await output.data()) as Float32Array;
        output.dispose();
        return data;
      };
      expect(await run(b)).toEqual(await run(a));
      images.dispose();
      a.dispose();
      b.dispose();
      expect(memory().numTensors).toBe(before);
    });

    it('refuses the state of another model and changes nothing', () => {
      const model = make({ quantizer: 'fsq' });
      const { 'to_code.bias': missing, ...rest } = model.stateDict();
      expect(missing).toBeDefined();
      expect(() => model.loadStateDict(rest)).toThrow(OptionError);
      expect(() => model.loadStateDict(rest)).toThrow('missing ["to_code.bias"], unknown []');
      expect(() => model.loadStateDict({ ...model.stateDict(), extra: zeros([1]) })).toThrow('unknown ["extra"]');
      const wrong = { ...model.stateDict(), 'to_code.bias': zeros([4]) };
      expect(() => model.loadStateDict(wrong)).toThrow(ShapeError);
      expect(() => model.loadStateDict(wrong)).toThrow("'to_code.bias' must have shape [3], got [4].");
    });

    it('refuses groups that do not divide the channels, and bad options of the quantizer', () => {
      expect(() => make({ quantizer: 'fsq', normGroups: 5 })).toThrow(
        'normGroups must divide the last of widths, 32, got 5.',
      );
      expect(() => make({ quantizer: 'fsq', quantizerOptions: { levels: [1] } })).toThrow(
        'createFsq: levels[0] must be',
      );
      expect(() => make({ quantizer: 'fsq', quantizerOptions: { level: [5] } })).toThrow(
        "createFsq: options has no 'level'.",
      );
    });
  });
});
