import { channelsFirst, channelsLast, loadCodec } from '@vqkit/codecs';
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
