import { mean, type Scalar, slice, square, type Tensor3D, tensor, tidy, variableGrads } from '@tensorflow/tfjs-core';
import { createRng, OptionError, ShapeError } from '@vqkit/core-tensor';
import { eachEngine, expectClose, expectIdentical, filled, goldenSeanets } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createAudioTokenizer } from '../src/audio-tokenizer.ts';
import type { AudioTokenizerOptions } from '../src/config.ts';
import { loadTokenizer, saveTokenizer } from '../src/file.ts';

const small: AudioTokenizerOptions = { quantizer: 'fsq', filters: 2, strides: [2, 5], dilations: [1, 3] };
const noise = (samples: number, channels = 1): Tensor3D =>
  tensor(createRng(1).normalArray(samples * channels, 0.3), [1, samples, channels]) as Tensor3D;

eachEngine(() => {
  describe('seanet', () => {
    it.each([...goldenSeanets().entries()])('has the latents, ids and sound of PyTorch, case %i', async (_, golden) => {
      const dim = golden.latentShape[2];
      const tokenizer = createAudioTokenizer({
        quantizer: 'lfq',
        quantizerOptions: { dim, codebookSize: 2 ** dim, spherical: false },
        ...(golden.options as object),
      });
      const own = Object.entries(tokenizer.stateDict()).filter(([name]) => name.startsWith('quantizer.'));
      const weights = Object.entries(golden.state).map(([name, shape]) => {
        const steps = (i: number): number => (7 * i + name.length) % 23;
        const isLength = /weight_g$|alpha$/.test(name);
        return [name, filled(shape, (i) => (isLength ? (steps(i) + 12) / 32 : (steps(i) - 11) / 64))] as const;
      });
      tokenizer.loadStateDict(Object.fromEntries([...weights, ...own]));
      const sound = filled(golden.soundShape, (i) => Math.sin((i * i) / 50) / 2) as Tensor3D;
      await expectClose(tokenizer.forward(sound).latents, golden.latents, 1e-5);
      // No latent of these lies nearer to a boundary than 9e-4, so that no id is a near-tie.
      await expectIdentical(
        tokenizer.encode(sound),
        filled(golden.latentShape.slice(0, 2), (i) => golden.ids[i] as number, 'int32'),
      );
      const given = filled(golden.latentShape.slice(0, 2), (i) => (5 * i) % 2 ** dim, 'int32');
      await expectClose(
        tidy(() => tokenizer.decode(given)),
        golden.output,
        1e-5,
      );
      tokenizer.dispose();
    });

    it('trains every weight, and its file gives the same ids', async () => {
      const tokenizer = createAudioTokenizer({ ...small, seed: 4, channels: 2, activation: 'snake', sampleRate: 8000 });
      const sound = noise(120, 2);
      const { grads } = variableGrads(() => mean(square(tokenizer.forward(sound).output)) as Scalar);
      expect(Object.keys(grads)).toHaveLength(Object.keys(tokenizer.variables()).length);
      const again = loadTokenizer(await saveTokenizer(tokenizer));
      expect(again.config).toEqual(tokenizer.config);
      expect(again.config).toMatchObject({ architecture: 'seanet', causal: false, latentWidth: 8, sampleRate: 8000 });
      await expectIdentical(again.encode(sound), tokenizer.encode(sound));
      expect(again.encode(sound).shape).toEqual([1, 12]);
      again.dispose();
      tokenizer.dispose();
    });

    it('sees no later sample where it is causal, and does where it is not', async () => {
      for (const causal of [true, false]) {
        const tokenizer = createAudioTokenizer({ ...small, causal });
        const [whole, start] = [noise(200), slice(noise(200), [0, 0, 0], [1, 100, 1])];
        const latents = await slice(tokenizer.forward(whole).latents, [0, 0, 0], [1, 10, -1]).data();
        const alone = await tokenizer.forward(start).latents.data();
        const output = await slice(tokenizer.forward(whole).output, [0, 0, 0], [1, 100, 1]).data();
        const outputAlone = await tokenizer.forward(start).output.data();
        const differs = (a: ArrayLike<number>, b: ArrayLike<number>): boolean =>
          Array.from(a).some((value, i) => Math.abs(value - (b[i] as number)) > 1e-6);
        expect([differs(latents, alone), differs(output, outputAlone)]).toEqual([!causal, !causal]);
        tokenizer.dispose();
      }
    });
  });
});

describe('a tokenizer of sound', () => {
  it('says its hop, its rate and its layers', () => {
    const tokenizer = createAudioTokenizer({ quantizer: 'simvq', quantizerOptions: { codebookSize: 1024 } });
    expect(tokenizer).toMatchObject({ hop: 320, bitsPerToken: 10, bitsPerSecond: 500 });
    expect(tokenizer.tokenShape(16_000)).toEqual([50]);
    expect(() => tokenizer.tokenShape(100)).toThrow(/samples must be a multiple of 320, got 100/);
    const { encoder, decoder } = tokenizer.describe([1, 16_000, 1]);
    expect([encoder.outputShape, decoder.outputShape]).toEqual([
      [1, 50, 64],
      [1, 16_000, 1],
    ]);
    // Each unit of dilation d reaches 6 d + 1, each stride s 2 s of its input; by hand: 7, then + 78 and 2 s - 1 of each level, + 2 at the end.
    const reached = [2, 4, 5, 8].reduce(
      ({ size, step }, stride) => ({ size: size + (78 + 2 * stride - 1) * step, step: step * stride }),
      { size: 7, step: 1 },
    );
    expect(encoder.receptiveField).toEqual([reached.size + 2 * reached.step]);
    tokenizer.dispose();
  });

  it('refuses other lengths and channels', () => {
    const tokenizer = createAudioTokenizer(small);
    expect(() => tokenizer.encode(noise(15))).toThrow(ShapeError);
    expect(() => tokenizer.encode(noise(15))).toThrow(/multiple of 10, got shape \[1,15,1\]\. Pad it .* to 20/);
    expect(() => tokenizer.encode(noise(20, 2))).toThrow(/sound must be float32 \[batch, samples, 1\]/);
    expect(tokenizer.encode(tensor([], [0, 20, 1]) as Tensor3D).shape).toEqual([0, 2]);
    tokenizer.dispose();
  });

  it.each([
    [{ filters: 0 }, /filters must be an integer/],
    [{ strides: [] }, /strides must be a list of 1 to 8 integers from 2 to 64/],
    [{ strides: [1] }, /strides\[0\] must be an integer from 2 to 64|strides\[0\] must be an integer >= 2/],
    [{ dilations: [0] }, /dilations\[0\] must be an integer/],
    [{ activation: 'gelu' }, /activation must be one of 'elu', 'snake'/],
    [{ causal: 1 }, /causal must be true or false/],
    [{ sampleRate: 0 }, /sampleRate must be an integer/],
    [{ widths: [4] }, /must have no 'widths'/],
  ])('%j is refused', (options, message) => {
    const make = () => createAudioTokenizer({ ...small, ...options } as AudioTokenizerOptions);
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });
});
