import { mean, type Scalar, square, type Tensor4D, tensor, tidy, variableGrads } from '@tensorflow/tfjs-core';
import { createRng, OptionError } from '@vqkit/core-tensor';
import { eachEngine, expectClose, expectIdentical, filled, goldenResnets } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import type { ImageTokenizerOptions } from '../src/config.ts';
import { loadImageTokenizer, saveTokenizer } from '../src/file.ts';
import { createImageTokenizer } from '../src/image-tokenizer.ts';

const small: ImageTokenizerOptions = { architecture: 'resnet', quantizer: 'fsq', widths: [4, 6], attention: true };
const normal = (shape: [number, number, number, number]): Tensor4D =>
  tensor(
    createRng(1).normalArray(
      shape.reduce((product, size) => product * size, 1),
      1,
    ),
    [...shape],
  ) as Tensor4D;

eachEngine(() => {
  describe('resnet', () => {
    it.each([...goldenResnets().entries()])('has the latents and images of PyTorch, case %i', async (_, golden) => {
      const dim = golden.latentShape[3];
      const tokenizer = createImageTokenizer({
        ...{
          architecture: 'resnet',
          quantizer: 'lfq',
          quantizerOptions: { dim, codebookSize: 2 ** dim, spherical: false },
        },
        ...(golden.options as object),
      });
      const own = Object.entries(tokenizer.stateDict()).filter(([name]) => name.startsWith('quantizer.'));
      const weights = Object.entries(golden.state).map(([name, shape]) => {
        return [name, filled(shape, (i) => (((7 * i + name.length) % 23) - 11) / 64)] as const;
      });
      tokenizer.loadStateDict(Object.fromEntries([...weights, ...own]));
      const images = filled(golden.imageShape, (i) => (((5 * i) % 17) - 8) / 8) as Tensor4D;
      await expectClose(tokenizer.forward(images).latents, golden.latents, 2e-5);
      const ids = filled(golden.latentShape.slice(0, 3), (i) => (5 * i) % 2 ** dim, 'int32');
      const output = golden.output.map((value) => Math.max(-1, Math.min(1, value)));
      await expectClose(
        tidy(() => tokenizer.decode(ids)),
        output,
        2e-5,
      );
      tokenizer.dispose();
    });

    it('trains every weight, and its file gives the same ids', async () => {
      const tokenizer = createImageTokenizer({ ...small, seed: 4 });
      const images = normal([2, 8, 12, 3]);
      const { grads } = variableGrads(() => mean(square(tokenizer.forward(images).output)) as Scalar);
      expect(Object.keys(grads)).toHaveLength(Object.keys(tokenizer.variables()).length);
      const again = loadImageTokenizer(await saveTokenizer(tokenizer));
      expect(again.config).toEqual(tokenizer.config);
      expect(again.config).toMatchObject({ blocks: 1, groups: 2, channels: 3, attention: true });
      await expectIdentical(again.encode(images), tokenizer.encode(images));
      expect(again.encode(images).shape).toEqual([2, 2, 3]);
      again.dispose();
      tokenizer.dispose();
    });
  });
});

describe('options of resnet', () => {
  it.each([
    [{ blocks: 0 }, /blocks must be an integer/],
    [{ blocks: 17 }, /blocks must be an integer/],
    [{ groups: 4 }, /groups must be a divisor of all widths, 4, 6, got 4\. Use 2/],
    [{ attention: 1 }, /attention must be true or false/],
    [{ widths: [] }, /widths must be a list/],
    [{ normGroups: 2 }, /normGroups/],
    [{ imageSize: [30, 32] }, /imageSize must be .*multiples of 4/],
  ])('%j is refused', (options, message) => {
    const make = () => createImageTokenizer({ ...small, ...options } as ImageTokenizerOptions);
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });
});
