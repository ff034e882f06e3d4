import { readFileSync } from 'node:fs';
import { decodeSafetensors, encodeSafetensors } from '@vqkit/checkpoint';
import { channelsFirst, channelsLast, loadCodec } from '@vqkit/codecs';
import { floatsOf, integersOf } from '@vqkit/core-tensor/plain-tensor';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`fixtures/onnx/${name}`, import.meta.url)));

/** One input and one output. */
async function run(name: string, input: Float32Array, shape: number[]): Promise<Float32Array> {
  const session = await InferenceSession.create(fixture(name));
  const [argument = ''] = session.inputNames;
  const { output } = await session.run({ [argument]: new Tensor('float32', input, shape) });
  return output?.data as Float32Array;
}

describe.each(['dac', 'snac'])('a %s whose encoder and decoder run in onnxruntime', (model) => {
  it('has the ids of the Python model, and its sound', async () => {
    const { tensors } = decodeSafetensors(fixture(`${model}.safetensors`));
    const isGolden = (key: string): boolean => key.startsWith('golden.');
    const golden = (key: string): Float32Array =>
      floatsOf('test', key, tensors[`golden.${key}`] ?? { shape: [0], data: [] });
    const codec = await loadCodec(
      encodeSafetensors(Object.fromEntries(Object.entries(tensors).filter(([key]) => !isGolden(key)))),
    );
    const wave = golden('wave');
    const latents = channelsLast(await run(`${model}-encoder.onnx`, wave, [1, 1, wave.length]), codec.dim);
    const ids = codec.encode(latents);
    const expected = ids.map((_, layer) => {
      const key = `golden.ids.${layer}`;
      return integersOf('test', key, tensors[key] ?? { shape: [0], data: [] });
    });
    expect(ids).toEqual(expected);
    const codes = channelsFirst(codec.decode(ids), codec.dim);
    const sound = await run(`${model}-decoder.onnx`, codes, [1, codec.dim, codes.length / codec.dim]);
    const said = golden('output');
    expect(sound).toHaveLength(said.length);
    for (const [i, value] of sound.entries()) expect(Math.abs(value - (said[i] as number))).toBeLessThan(1e-4);
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
