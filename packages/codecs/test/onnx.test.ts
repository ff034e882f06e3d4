import { readFile } from 'node:fs/promises';
import { CheckpointError } from '@vqkit/checkpoint';
import { channelsFirst, channelsLast, loadCodec, openWeights } from '@vqkit/codecs';
import { publishedSound } from '@vqkit/testing/published-models';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';

/** One input and one output. */
async function run(path: string, input: Float32Array, shape: number[]): Promise<Float32Array> {
  const session = await InferenceSession.create(path);
  const [argument = ''] = session.inputNames;
  const { output } = await session.run({ [argument]: new Tensor('float32', input, shape) });
  return output?.data as Float32Array;
}

// In Chromium with onnxruntime-web: test/engines/onnxruntime.test.ts.
describe.each(['dac', 'snac'] as const)('a %s whose encoder and decoder run in onnxruntime', (model) => {
  it('has the ids of the Python model, and its sound', async () => {
    const { file, encoder, decoder, wave, ids, sound } = publishedSound(model);
    const codec = await loadCodec(file);
    const latents = channelsLast(await run(encoder, wave, [1, 1, wave.length]), codec.dim);
    const found = codec.encode(latents);
    expect(found).toEqual(ids);
    const codes = channelsFirst(codec.decode(found), codec.dim);
    const heard = await run(decoder, codes, [1, codec.dim, codes.length / codec.dim]);
    expect(heard).toHaveLength(sound.length);
    for (const [i, value] of heard.entries()) expect(Math.abs(value - (sound[i] as number))).toBeLessThan(1e-4);
  });
});

describe('an ONNX file of a quantizer', () => {
  it('is read by the names that its initialisers have from PyTorch, and has the ids of the model', async () => {
    const { file, encoder, wave, ids } = publishedSound('dac');
    const onnx = new Uint8Array(await readFile(new URL('fixtures/onnx/dac-quantizer.onnx', import.meta.url)));
    const codec = await loadCodec(onnx, { fileName: 'dac-quantizer.onnx' });
    expect(codec).toMatchObject({ model: 'dac', prefix: 'quantizer.', dim: 16 });
    const latents = channelsLast(await run(encoder, wave, [1, 1, wave.length]), codec.dim);
    expect(codec.encode(latents)).toEqual(ids);
    // PyTorch has folded the weight norm in float32.
    const codes = (await loadCodec(file)).decode(ids);
    for (const [i, value] of codec.decode(ids).entries())
      expect(Math.abs(value - (codes[i] as number))).toBeLessThan(3e-6);
    let bytes = 0;
    const source = {
      name: 'counted',
      size: onnx.length,
      read: async (begin: number, end: number) => {
        bytes += end - begin;
        return onnx.subarray(begin, end);
      },
    };
    expect((await openWeights(source)).format).toBe('onnx');
    expect(bytes).toBeLessThan(onnx.length + 2000);
  });

  it('is refused by name wherever it is cut, and whichever byte is another', async () => {
    const onnx = new Uint8Array(await readFile(new URL('fixtures/onnx/dac-quantizer.onnx', import.meta.url)));
    const read = async (bytes: Uint8Array): Promise<void> => {
      const weights = await openWeights(bytes, 'cut.onnx');
      for (const name of weights.tensors.keys()) await weights.read(name);
    };
    for (let length = 8; length < onnx.length; length += 501)
      await expect(read(onnx.subarray(0, length))).rejects.toThrow(CheckpointError);
    for (let at = 0; at < onnx.length; at += 211) {
      const damaged = onnx.slice();
      damaged[at] = 0xff;
      await read(damaged).catch((error: unknown) => expect(error).toBeInstanceOf(CheckpointError));
    }
  });
});

describe('channelsLast and channelsFirst', () => {
  it('are inverse, and name what does not fit', () => {
    const channels = Float32Array.of(1, 2, 3, 4, 5, 6);
    expect([...channelsLast(channels, 2)]).toEqual([1, 4, 2, 5, 3, 6]);
    expect(channelsFirst(channelsLast(channels, 2), 2)).toEqual(channels);
    expect(() => channelsLast(channels, 4)).toThrow(
      /channelsLast: data\.length must be a multiple of 4 \(dim\), got 6/,
    );
    expect(() => channelsFirst([1] as unknown as Float32Array, 1)).toThrow(
      /channelsFirst: data must be a Float32Array/,
    );
  });
});
