import {
  add,
  mean,
  mul,
  type Scalar,
  square,
  sub,
  type Tensor,
  tensor,
  train,
  variable,
  variableGrads,
  zeros,
} from '@tensorflow/tfjs-core';
import { encodeSafetensors } from '@vqkit/checkpoint';
import { loadCodec } from '@vqkit/codecs';
import { quantizerOf } from '@vqkit/codecs/quantizer';
import { eachEngine, spreadIt, startEngine } from '@vqkit/testing';
import { type PublishedRun, publishedModels, publishedRuns } from '@vqkit/testing/published-models';
import { beforeAll, describe, expect, it } from 'vitest';

const WITH_LATENTS = publishedModels.filter((model) => model !== 's3tokenizer-v2');

async function idsOf(indices: readonly Tensor[]): Promise<Int32Array[]> {
  return Promise.all(indices.map(async (own) => Int32Array.from(await own.data())));
}

/** The largest difference, relative to the largest value. */
function difference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  const largest = Array.from(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return (
    Array.from(found).reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))), 0) / largest
  );
}

describe('the trainable quantizer of each model', () => {
  eachEngine((engine) => {
    const test = spreadIt(engine);
    for (const model of WITH_LATENTS) {
      const runs = publishedRuns(model);

      test(`${model}: gives the published ids and codes`, async () => {
        for (const { file, options, latents, ids, codes } of runs) {
          const codec = await loadCodec(file, options);
          const quantizer = quantizerOf(codec);
          const z = tensor(latents, [latents.length / codec.dim, codec.dim]);
          const { quantized, indices, loss } = quantizer.quantize(z);
          expect(await idsOf(indices)).toEqual(ids);
          expect(await idsOf(quantizer.encode(z))).toEqual(ids);
          expect(difference(await quantized.data(), codes as Float32Array)).toBeLessThan(2e-6);
          const decoded = await quantizer.decode(indices).data();
          expect(difference(decoded, codes as Float32Array)).toBeLessThan(2e-6);
          expect(await loss.data()).toEqual(Float32Array.of(0));
          quantizer.dispose();
        }
      });

      test(`${model}: has a gradient to z and to every variable, and learns`, async () => {
        const { file, options, latents } = runs[0] as PublishedRun;
        const codec = await loadCodec(file, options);
        const quantizer = quantizerOf(codec);
        const shape = [1, latents.length / codec.dim, codec.dim];
        const target = tensor(latents, shape);
        const z = variable(tensor(latents, shape));
        const lossOf = (share = 1): Scalar => {
          const { quantized, loss } = quantizer.quantize(z, { training: true });
          return add(mean(square(sub(quantized, mul(target, share)))), loss);
        };
        const all = Object.values(quantizer.variables());
        const { grads } = variableGrads(() => lossOf(0.3), [z, ...all]);
        for (const gradient of Object.values(grads)) expect((await gradient.data()).every(Number.isFinite)).toBe(true);
        const reached = await Promise.all([z, ...all].map(({ name }) => largest(grads[name])));
        expect(reached.filter((size) => size > 0)).toHaveLength(all.length + 1);
        if (all.length > 0) {
          const before = (await lossOf().data())[0] as number;
          const optimizer = train.adam(0.01);
          for (let step = 0; step < 8; step++) optimizer.minimize(() => lossOf(), false, all);
          expect((await lossOf().data())[0]).toBeLessThan(before);
          optimizer.dispose();
        }
        quantizer.dispose();
      });
    }
  });
});

async function largest(gradient: Tensor | undefined): Promise<number> {
  const values = (await gradient?.data()) ?? [];
  return Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

describe('quantizerOf', () => {
  beforeAll(() => startEngine('wasm'));

  it('takes examples of frames, the first layers, and its own state', async () => {
    const { file, latents, ids, partial } = publishedRuns('snac')[0] as PublishedRun;
    const codec = await loadCodec(file);
    const [quantizer, other] = [quantizerOf(codec), quantizerOf(codec)];
    const twice = tensor(latents, [2, latents.length / codec.dim / 2, codec.dim]);
    const indices = quantizer.encode(twice);
    expect(indices.map(({ shape }) => shape)).toEqual([
      [2, 2],
      [2, 4],
      [2, 8],
    ]);
    expect(await idsOf(indices)).toEqual(ids);
    expect(quantizer.decode(indices).shape).toEqual(twice.shape);
    const first = quantizer.quantize(twice, { layers: 1 });
    expect(first.indices).toHaveLength(1);
    expect(quantizer.decode(first.indices).shape).toEqual(twice.shape);
    expect(partial).toBeUndefined();
    const empty = quantizer.quantize(zeros([0, 8]), { training: true });
    expect([empty.quantized.shape, empty.indices.map(({ size }) => size)]).toEqual([
      [0, 8],
      [0, 0, 0],
    ]);
    const state = quantizer.stateDict();
    expect(Object.keys(state)).toEqual(
      expect.arrayContaining(['layers.0.project_in.weight', 'quantizers.2._codebook.embed']),
    );
    other.loadStateDict(state);
    expect(() => other.loadStateDict({})).toThrow(/createStackQuantizer\(\)\.loadStateDict/);
  });

  it('names what does not fit', async () => {
    const codec = await loadCodec((publishedRuns('snac')[0] as PublishedRun).file);
    const quantizer = quantizerOf(codec);
    expect(() => quantizer.encode(zeros([3, 8]))).toThrow(
      /createStackQuantizer\(\)\.encode: frames must be a multiple of 4, got 3/,
    );
    expect(() => quantizer.encode(zeros([4, 7]))).toThrow(
      /z must be \[frames, 8\] or \[batch, …, 8\], got shape \[4,7\]/,
    );
    expect(() => quantizer.quantize(zeros([4, 8]), { layers: 4 })).toThrow(
      /layers must be an integer from 1 to 3, got 4/,
    );
    expect(() => quantizer.decode([zeros([1], 'int32'), zeros([3], 'int32')])).toThrow(
      /indices\[1\] must be 2 ids, of whole blocks, got shape \[3\]/,
    );
  });

  it.each([
    ['of zeros', () => 0],
    ['of numbers next to zero', () => 1e-40],
    ['whose rows are equal', (i: number) => Math.sin(i % 16)],
  ])('s3tokenizer-v2: has finite values and gradients from a projection %s', async (_, value) => {
    const weight = {
      dtype: 'F32',
      shape: [8, 16],
      data: Float32Array.from({ length: 128 }, (_, i) => value(i)),
    } as const;
    const bias = { dtype: 'F32', shape: [8], data: new Float32Array(8).fill(0.1) } as const;
    const [own, file] = ['quantizer._codebook.project_down', { weight, bias }];
    const named = Object.fromEntries(Object.entries(file).map(([name, each]) => [`${own}.${name}`, each]));
    const quantizer = quantizerOf(await loadCodec(encodeSafetensors(named)));
    const z = tensor(
      Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)),
      [4, 16],
    );
    const { value: loss, grads } = variableGrads(() =>
      mean(square(sub(quantizer.quantize(z, { training: true }).quantized, z))),
    );
    for (const each of [loss, ...Object.values(grads)]) expect((await each.data()).every(Number.isFinite)).toBe(true);
    expect(await idsOf(quantizer.encode(quantizer.decode(quantizer.encode(z))))).toEqual(
      await idsOf(quantizer.encode(z)),
    );
    quantizer.dispose();
  });

  eachEngine((engine) => {
    spreadIt(engine)(
      's3tokenizer-v2: gives the published ids, is given a way back that keeps them, and learns both ways',
      async () => {
        for (const { file, latents, ids } of publishedRuns('s3tokenizer-v2')) {
          const codec = await loadCodec(file);
          const quantizer = quantizerOf(codec);
          const z = tensor(latents, [latents.length / codec.dim, codec.dim]);
          expect(await idsOf(quantizer.encode(z))).toEqual(ids);
          const back = quantizer.decode(quantizer.encode(z));
          expect(back.shape).toEqual(z.shape);
          expect(await idsOf(quantizer.encode(back))).toEqual(ids);
          const error = (): Scalar => mean(square(sub(quantizer.quantize(z, { training: true }).quantized, z)));
          const { value, grads } = variableGrads(error);
          expect(Object.keys(grads)).toHaveLength(Object.keys(quantizer.variables()).length);
          const optimizer = train.adam(1e-2);
          for (let step = 0; step < 20; step++) optimizer.minimize(error, false, Object.values(quantizer.variables()));
          expect((await error().data())[0]).toBeLessThan((await value.data())[0] as number);
          expect(() => codec.decode(ids)).toThrow(
            /loadCodec\(\)\.decode: model must be one that has latents for its ids/,
          );
          quantizer.dispose();
        }
      },
    );
  });
});
