import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadKernels } from '@vqkit/backend-wasm/codec';
import { encodeSafetensors, type SafeTensor } from '@vqkit/checkpoint';
import { loadCodec, sourceOf } from '@vqkit/codecs';
import * as models from '@vqkit/codecs/models';
import { type CodecModel, loadModel } from '@vqkit/codecs/models';
import { type PublishedRun, publishedModels, publishedRuns } from '@vqkit/testing/published-models';
import { describe, expect, it } from 'vitest';

const folder = fileURLToPath(new URL('fixtures/models/', import.meta.url));
const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(folder + name));
type Tensors = Record<string, SafeTensor>;

/** The largest difference, relative to the largest value. */
function difference(found: Float32Array, expected: Float32Array): number {
  expect(found.length).toBe(expected.length);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return found.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))), 0) / largest;
}

describe.each(publishedModels)('%s against its published code', (model) => {
  const runs = publishedRuns(model);
  it.each(runs.map((run) => [run.name, run] as const))(
    '%s',
    async (_, { file, options, latents, ids, codes, partial }) => {
      const codec = await loadCodec(file, options);
      expect(codec.model).toBe(model);
      expect(latents.length % (codec.dim * codec.block)).toBe(0);
      expect(codec.encode(latents)).toEqual(ids);
      expect(codec.strides).toHaveLength(ids.length);
      const withKernels = await loadCodec(file, { ...options, kernels: await loadKernels() });
      expect(withKernels.encode(latents)).toEqual(ids);
      if (codes === undefined) {
        expect(() => codec.decode(ids)).toThrow(/must be one that has latents for its ids/);
        return;
      }
      expect(difference(codec.decode(ids), codes)).toBeLessThan(1e-6);
      expect(withKernels.decode(ids)).toEqual(codec.decode(ids));
      if (partial === undefined) return;
      const two = codec.encode(latents, { layers: 2 });
      expect(two).toEqual(ids.slice(0, 2));
      expect(difference(codec.decode(two), partial)).toBeLessThan(1e-6);
    },
  );

  it('takes one frame of each layer, and none', async () => {
    const { file, options, latents, ids } = runs[0] as PublishedRun;
    const codec = await loadCodec(file, options);
    const one = codec.encode(latents.subarray(0, codec.block * codec.dim));
    const perBlock = (layer: number): number => Math.round(codec.block / (codec.strides[layer] as number));
    expect(one).toEqual(ids.map((own, layer) => own.subarray(0, perBlock(layer))));
    expect(codec.encode(new Float32Array())).toEqual(one.map(() => new Int32Array()));
    if (codec.decodes) expect(codec.decode(ids.map(() => new Int32Array()))).toHaveLength(0);
  });

  it('is the same by itself, from safetensors', async () => {
    const { file, options, latents, ids } = runs[0] as PublishedRun;
    const definition = Object.values(models).find((each): each is CodecModel => 'name' in each && each.name === model);
    const { model: _, ...rest } = options;
    const codec = await loadModel(file, definition as CodecModel, rest);
    expect(codec.encode(latents)).toEqual(ids);
    await expect(loadModel(encodeSafetensors({}), definition as CodecModel)).rejects.toThrow(
      new RegExp(`loadModel: the data must hold the quantizer of ${model}, got none with '`),
    );
  });
});

describe('loadCodec', () => {
  const [dac] = publishedRuns('dac');
  const weights = dac?.weights ?? {};
  const [encodec] = publishedRuns('encodec');

  it('finds the quantizer in a checkpoint of torch.save, below other names, and says what it is', async () => {
    const codec = await loadCodec(fixture('dac-weights.pth'), { fileName: 'weights.pth' });
    expect(codec).toMatchObject({
      model: 'dac',
      prefix: 'state_dict.quantizer.',
      dim: 8,
      codebookSizes: [16, 16, 16],
      strides: [1, 1, 1],
    });
    expect(codec.encode(dac?.latents as Float32Array)).toEqual(dac?.ids);
  });

  it('reads the tensors of the quantizer and no others', async () => {
    const decoder = { dtype: 'F32', shape: [250_000], data: new Float32Array(250_000) } as const;
    const file = sourceOf(encodeSafetensors({ ...weights, 'decoder.weight': decoder }));
    let bytes = 0;
    const source = {
      ...file,
      read(begin: number, end: number): Promise<Uint8Array> {
        bytes += end - begin;
        return file.read(begin, end);
      },
    };
    await loadCodec(source);
    expect(bytes).toBeLessThan(20_000);
  });

  it('reads half precision and float64, exactly', async () => {
    const name = 'quantizer.vq.layers.0._codebook.embed';
    const codes = [0, 0.5, -2, 1];
    const files: Tensors[] = [
      { [name]: { dtype: 'F16', shape: [4, 1], data: Uint16Array.of(0, 0x3800, 0xc000, 0x3c00) } },
      { [name]: { dtype: 'BF16', shape: [4, 1], data: Uint16Array.of(0, 0x3f00, 0xc000, 0x3f80) } },
      { [name]: { dtype: 'F64', shape: [4, 1], data: Float64Array.from(codes) } },
    ];
    for (const file of files) {
      const codec = await loadCodec(encodeSafetensors(file));
      expect([...codec.decode([Int32Array.of(0, 1, 2, 3)])]).toEqual(codes);
    }
  });

  it('reads the plain names of a transformers port as it reads those of the published code', async () => {
    const rename = (key: string): string => key.replace('.vq.layers', '.layers').replace('._codebook.', '.codebook.');
    const renamed = Object.fromEntries(
      Object.entries(encodec?.weights ?? {}).map(([key, tensor]) => [rename(key), tensor]),
    );
    const codec = await loadCodec(encodeSafetensors(renamed));
    expect(codec.encode(encodec?.latents as Float32Array)).toEqual(encodec?.ids);
  });

  it('says which keys the nearest model lacks, and refuses another model by name', async () => {
    const { 'quantizer.quantizers.0.codebook.weight': _, ...rest } = weights;
    await expect(loadCodec(encodeSafetensors(rest), { fileName: 'cut.safetensors' })).rejects.toThrow(
      /loadCodec: cut\.safetensors must hold a quantizer that is known, got the nearest, dac at 'quantizer\.', without 'quantizer\.quantizers\.0\.codebook\.weight'\./,
    );
    await expect(loadCodec(encodeSafetensors(weights), { model: 'mimi' })).rejects.toThrow(
      /must hold the quantizer of mimi, got \d+ tensors of other names/,
    );
    await expect(loadCodec(encodeSafetensors(weights), { model: 'dacc' })).rejects.toThrow(
      /model must be one of 'encodec'/,
    );
    await expect(loadCodec(encodeSafetensors({}))).rejects.toThrow(/got 0 tensors of other names/);
  });

  it('asks which of two quantizers in one file, and takes the one that is named', async () => {
    const twice = Object.fromEntries(
      Object.entries(weights).flatMap(([key, tensor]) => [
        [`generator.${key}`, tensor],
        [`ema.${key}`, tensor],
      ]),
    );
    const file = encodeSafetensors(twice);
    await expect(loadCodec(file)).rejects.toThrow(
      /must hold one quantizer, got dac at 'ema\.quantizer\.', dac at 'generator\.quantizer\.'\. Pass \{ prefix \}/,
    );
    expect((await loadCodec(file, { prefix: 'ema.quantizer.' })).prefix).toBe('ema.quantizer.');
  });

  it('does not guess where models of other mathematics have the same keys', async () => {
    const [run] = publishedRuns('taming-vqgan');
    await expect(loadCodec(run?.file as Uint8Array)).rejects.toThrow(
      /keys that tell its model, got taming-vqgan at 'quantize\.'.*pass \{ model \}/,
    );
  });

  it('refuses layers whose shapes do not fit together, naming the tensor', async () => {
    const bias = 'quantizer.quantizers.1.in_proj.bias';
    const wrong = { ...weights, [bias]: { dtype: 'F32', shape: [5], data: new Float32Array(5) } as const };
    await expect(loadCodec(encodeSafetensors(wrong))).rejects.toThrow(
      /'quantizer\.quantizers\.1\.in_proj\.bias' of the data must be of shape \[4\], got shape \[5\]/,
    );
    const { [bias]: _, 'quantizer.quantizers.1.out_proj.weight_g': __, ...missing } = weights;
    await expect(loadCodec(encodeSafetensors(missing))).rejects.toThrow(
      /must hold 'quantizer\.quantizers\.1\.out_proj\.weight'/,
    );
  });

  it('names latents of another width, layers, ids out of range and layers of other lengths', async () => {
    const codec = await loadCodec(encodeSafetensors(weights));
    expect(() => codec.encode(new Float32Array(9))).toThrow(/latents\.length must be a multiple of 8 \(dim 8\), got 9/);
    expect(() => codec.encode(new Float32Array(8), { layers: 4 })).toThrow(
      /layers must be an integer from 1 to 3, got 4/,
    );
    expect(() => codec.decode([Int32Array.of(0), Int32Array.of(16)])).toThrow(
      /ids\[1\] must be ids from 0 to 15, got 16 at position 0/,
    );
    expect(() => codec.decode([Int32Array.of(0), Int32Array.of(1, 2)])).toThrow(/ids\[1\]\.length must be 1, got 2/);
    expect(() => codec.decode([])).toThrow(/ids\.length must be/);
    const snac = await loadCodec(publishedRuns('snac')[0]?.file as Uint8Array);
    expect(snac.strides).toEqual([4, 2, 1]);
    expect(() => snac.encode(new Float32Array(8 * 6))).toThrow(/must be a multiple of 32 \(dim 8, 4 frames\), got 48/);
  });
});
