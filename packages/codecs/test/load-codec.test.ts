import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadKernels } from '@vqkit/backend-wasm/codec';
import { decodeSafetensors, encodeSafetensors, type SafeTensor } from '@vqkit/checkpoint';
import { loadCodec, type PublishedCodec, sourceOf } from '@vqkit/codecs';
import { floatsOf, integersOf } from '@vqkit/core-tensor';
import { describe, expect, it } from 'vitest';

const folder = fileURLToPath(new URL('fixtures/models/', import.meta.url));
const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(folder + name));
type Tensors = Record<string, SafeTensor>;

/** The runs of the published code with random weights: two sizes, three seeds (fixtures/make_goldens.py). */
function runsOf(file: string): { name: string; weights: Tensors; golden: Tensors }[] {
  const runs = new Map<string, { name: string; weights: Tensors; golden: Tensors }>();
  for (const [key, tensor] of Object.entries(decodeSafetensors(fixture(file)).tensors)) {
    const [, run = '', own = ''] = /^([^/]+)\/(.*)$/.exec(key) ?? [];
    const found = runs.get(run) ?? { name: run, weights: {}, golden: {} };
    runs.set(run, found);
    if (own.startsWith('golden.')) found.golden[own.slice('golden.'.length)] = tensor;
    else found.weights[own] = tensor;
  }
  return [...runs.values()];
}

const floats = (tensor: SafeTensor | undefined): Float32Array =>
  tensor === undefined ? new Float32Array() : floatsOf('test', 'golden', tensor);
const idsOf = (golden: Tensors): Int32Array[] =>
  Object.keys(golden)
    .filter((key) => key.startsWith('ids.'))
    .map((_, layer) => integersOf('test', 'golden', golden[`ids.${layer}`] as SafeTensor));

/** The largest difference, relative to the largest value. */
function difference(found: Float32Array, expected: Float32Array): number {
  expect(found.length).toBe(expected.length);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return found.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))), 0) / largest;
}

const MODELS = readdirSync(folder)
  .filter((name) => name.endsWith('.safetensors'))
  .map((name) => name.replace('.safetensors', ''));
const load = (model: string, weights: Tensors, options = {}): Promise<PublishedCodec> =>
  loadCodec(encodeSafetensors(weights), model === 'taming-vqgan' ? { model, ...options } : options);

describe.each(MODELS)('%s against its published code', (model) => {
  it.each(runsOf(`${model}.safetensors`).map((run) => [run.name, run] as const))(
    '%s',
    async (_, { weights, golden }) => {
      const codec = await load(model, weights);
      const latents = floats(golden.latents);
      const expected = idsOf(golden);
      expect(codec.model).toBe(model);
      expect(latents.length % codec.dim).toBe(0);
      expect(codec.encode(latents)).toEqual(expected);
      expect(codec.strides).toHaveLength(expected.length);
      const withKernels = await load(model, weights, { kernels: await loadKernels() });
      expect(withKernels.encode(latents)).toEqual(expected);
      if (golden.codes === undefined) {
        expect(() => codec.decode(expected)).toThrow(/must be one that has latents for its ids/);
        return;
      }
      expect(difference(codec.decode(expected), floats(golden.codes))).toBeLessThan(1e-6);
      if (golden.partial !== undefined) {
        const two = codec.encode(latents, { layers: 2 });
        expect(two).toEqual(expected.slice(0, 2));
        expect(difference(codec.decode(two), floats(golden.partial))).toBeLessThan(1e-6);
      }
    },
  );

  it('takes one frame of each layer, and none', async () => {
    const [run] = runsOf(`${model}.safetensors`);
    const codec = await load(model, run?.weights ?? {});
    const frames = Math.max(...codec.strides);
    const one = codec.encode(floats(run?.golden.latents).subarray(0, frames * codec.dim));
    expect(one).toEqual(
      idsOf(run?.golden ?? {}).map((ids, layer) => ids.subarray(0, frames / (codec.strides[layer] as number))),
    );
    expect(codec.encode(new Float32Array())).toEqual(one.map(() => new Int32Array()));
  });
});

describe('loadCodec', () => {
  const dac = runsOf('dac.safetensors').find(({ name }) => name === 'small.0');
  const weights = dac?.weights ?? {};
  const [encodec] = runsOf('encodec.safetensors');

  it('finds the quantizer in a checkpoint of torch.save, below other names, and says what it is', async () => {
    const codec = await loadCodec(fixture('dac-weights.pth'), { fileName: 'weights.pth' });
    expect(codec).toMatchObject({
      model: 'dac',
      prefix: 'state_dict.quantizer.',
      dim: 8,
      codebookSizes: [16, 16, 16],
      strides: [1, 1, 1],
    });
    expect(codec.encode(floats(dac?.golden.latents))).toEqual(idsOf(dac?.golden ?? {}));
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
    expect(codec.encode(floats(encodec?.golden.latents))).toEqual(idsOf(encodec?.golden ?? {}));
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
    const [run] = runsOf('taming-vqgan.safetensors');
    await expect(loadCodec(encodeSafetensors(run?.weights ?? {}))).rejects.toThrow(
      /keys that tell its model, got taming-vqgan at 'quantize\.'.*pass \{ model \}/,
    );
  });

  it('refuses layers whose shapes do not fit together, naming the tensor', async () => {
    const bias = 'quantizer.quantizers.1.in_proj.bias';
    const wrong = { ...weights, [bias]: { dtype: 'F32', shape: [5], data: new Float32Array(5) } as const };
    await expect(loadCodec(encodeSafetensors(wrong))).rejects.toThrow(
      /'quantizer\.quantizers\.1\.in_proj\.bias' of the data must be of shape \[4\], got \[5\]/,
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
    const snac = await loadCodec(
      encodeSafetensors(runsOf('snac.safetensors').find(({ name }) => name === 'small.0')?.weights ?? {}),
    );
    expect(snac.strides).toEqual([4, 2, 1]);
    expect(() => snac.encode(new Float32Array(8 * 6))).toThrow(/must be a multiple of 32 \(dim 8, 4 frames\), got 48/);
  });
});
