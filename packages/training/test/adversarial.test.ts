import {
  add,
  fill as fillWith,
  memory,
  mul,
  type Scalar,
  split,
  square,
  type Tensor,
  tensor,
  zeros,
} from '@tensorflow/tfjs-core';
import { createRng, DisposedError, mean, OptionError, type Quantizer, ShapeError } from '@vqkit/core-tensor';
import {
  type AdamW,
  createAdamW,
  createConv1d,
  createConv2d,
  createScope,
  elu,
  globalNorm,
  type Module,
  type Scope,
} from '@vqkit/nn';
import { eachEngine, expectClose, spreadIt, startEngine, tolerances } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createPatchDiscriminator,
  createStftDiscriminator,
  type Discriminator,
  imageModality,
  type StepOptions,
  type StepResult,
  type Trainable,
  trainStep,
  vectorModality,
} from '../src/index.ts';
import goldens from './files/adversarial.json' with { type: 'json' };

/** Between low and high; as in make_adversarial.py. */
function formula(size: number, phase: number, low: number, high: number): Float32Array {
  const at = (i: number): number => Math.sin(1.3 * i * (1 + (0.01 * i) / size) + phase);
  return Float32Array.from({ length: size }, (_, i) => (low + high) / 2 + ((high - low) / 2) * at(i));
}

/** The weights of make_adversarial.py. */
function fill(module: Pick<Discriminator, 'stateDict' | 'loadStateDict'>, phase: number): void {
  const state = Object.entries(module.stateDict()).sort(([a], [b]) => (a < b ? -1 : 1));
  const filled = state.map(([name, { size, shape }], p) => {
    const isNorm = name.endsWith('weight') && shape.length === 1;
    const [low, high] = name.endsWith('weight_g') ? [1.8, 2.6] : isNorm ? [0.8, 1.2] : [-0.4, 0.4];
    return [name, tensor(formula(size, phase + 0.7 * p, low, high), shape)] as const;
  });
  module.loadStateDict(Object.fromEntries(filled));
  for (const [, value] of [...state, ...filled]) value.dispose();
}

interface Network extends Trainable, Pick<Discriminator, 'stateDict' | 'loadStateDict' | 'dispose'> {}

/** Two convolutions, and a loss on what is between them where others have a quantizer. */
function network(encoder: (at: Scope) => Module, decoder: (at: Scope) => Module): Network {
  const scope = createScope(createRng(1));
  const [encode, decode] = [encoder(scope.at('encoder')), decoder(scope.at('decoder'))];
  const merged = <T>(values: (module: Module) => Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(
      [encode, decode].flatMap((module) =>
        Object.entries(values(module)).map(([name, value]) => [`${module.path}.${name}`, value]),
      ),
    );
  return {
    quantizer: undefined as unknown as Quantizer,
    forward(x) {
      const latents = encode.apply(x);
      const loss: Scalar = mul(mean(square(latents)), 0.1);
      return { latents, quantized: latents, indices: latents, output: decode.apply(elu(latents)), loss, losses: {} };
    },
    variables: () => merged((module) => module.variables()),
    lastLayer: () => Object.fromEntries(Object.entries(decode.variables()).filter(([name]) => name !== 'bias')),
    stateDict: () => merged((module) => module.stateDict()),
    loadStateDict(tensors) {
      for (const module of [encode, decode]) {
        const own = Object.entries(tensors).filter(([name]) => name.startsWith(`${module.path}.`));
        module.loadStateDict(Object.fromEntries(own.map(([name, t]) => [name.slice(module.path.length + 1), t])));
      }
    },
    dispose() {
      encode.dispose();
      decode.dispose();
    },
  };
}

/** An optimizer that keeps the gradients in place of a step. */
function recorder(): { optimizer: AdamW; gradients: Record<string, Tensor> } {
  const gradients: Record<string, Tensor> = {};
  const step: AdamW['step'] = (given) => {
    for (const [name, gradient] of Object.entries(given)) gradients[name] = (gradient as Tensor).clone();
  };
  return { optimizer: { step } as AdamW, gradients };
}

const OPTIONS: Omit<StepOptions, 'loss'> = { learningRate: 1e-3, warmupSteps: 0, clipGradNorm: 0 };
const cases = {
  pictures: {
    make: () =>
      network(
        (at) => createConv2d(at, { inputs: 1, outputs: 2, kernel: 3 }),
        (at) => createConv2d(at, { inputs: 2, outputs: 1, kernel: 3 }),
      ),
    discriminator: () => createPatchDiscriminator({ channels: 1, layers: 2, filters: 2 }),
    data: () => tensor(formula(2 * 16 * 16, 0.9, -0.9, 0.9), [2, 16, 16, 1]),
    modality: imageModality,
    options: { ...OPTIONS, loss: 'l1+mse', discriminatorWeight: 0.8 } as StepOptions,
  },
  sounds: {
    make: () =>
      network(
        (at) => createConv1d(at, { inputs: 2, outputs: 3, kernel: 5, weightNorm: true }),
        (at) => createConv1d(at, { inputs: 3, outputs: 2, kernel: 5, weightNorm: true }),
      ),
    discriminator: () => createStftDiscriminator({ channels: 2, fftSizes: [32, 16], filters: 2 }),
    data: () => tensor(formula(2 * 96 * 2, 0.3, -0.8, 0.8), [2, 96, 2]),
    // The mean absolute difference alone.
    modality: vectorModality,
    options: { ...OPTIONS, loss: 'l1', discriminatorWeight: 0.5, featureWeight: 0.7 } as StepOptions,
  },
};

/** Every seventh number of each gradient, in PyTorch's layouts: as weights of the module, which then has them. */
async function inTorch(
  module: Network | Discriminator,
  gradients: Record<string, Tensor>,
): Promise<Record<string, number[]>> {
  for (const [name, variable] of Object.entries(module.variables())) variable.assign(gradients[name] as Tensor);
  const found: Record<string, number[]> = {};
  for (const [name, value] of Object.entries(module.stateDict())) {
    found[name] = [...(await value.data())].filter((_, i) => i % goldens.every === 0);
    value.dispose();
  }
  return found;
}

async function expectGradients(found: Record<string, number[]>, expected: Record<string, number[]>): Promise<void> {
  const noise = tolerances.float32 * Math.max(...Object.values(expected).flat().map(Math.abs));
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, values] of Object.entries(expected)) {
    await expectClose(found[name] as number[], values, tolerances.float32, noise);
  }
}

eachEngine((engine) => {
  const it = spreadIt(engine);

  describe.each(['pictures', 'sounds'] as const)('a step with a discriminator of %s', (kind) => {
    const { make, discriminator: createDiscriminator, data, modality, options } = cases[kind];

    it('has the losses, the weight and the gradients of PyTorch on both sides', async () => {
      const golden = goldens[kind];
      const [model, discriminator, examples] = [make(), createDiscriminator(), data()];
      fill(model, 0.1);
      fill(discriminator, 0.5);
      const [own, other] = [recorder(), recorder()];
      const adversary = { discriminator, optimizer: other.optimizer };
      const state = { model, optimizer: own.optimizer, adversary };
      const { loss, reconstruction, adversarial } = await trainStep(state, examples, options, 0, modality);
      const found = { loss, reconstruction, ...adversarial };
      for (const name of ['loss', 'reconstruction', 'generator', 'features', 'discriminator', 'weight'] as const) {
        await expectClose([found[name] as number], [golden[name]], 4 * tolerances.float32);
      }
      await expectGradients(await inTorch(model, own.gradients), golden.gradients);
      await expectGradients(await inTorch(discriminator, other.gradients), golden.discriminatorGradients);
    });

    it('leaves no tensors behind, and moves the weights of both', async () => {
      const before = memory().numTensors;
      const [model, discriminator, examples] = [make(), createDiscriminator(), data()];
      const optimizer = createAdamW({ variables: model.variables() });
      const own = createAdamW({ variables: discriminator.variables() });
      const state = { model, optimizer, adversary: { discriminator, optimizer: own } };
      await trainStep(state, examples, options, 0, modality);
      const held = memory();
      for (const step of [1, 2]) await trainStep(state, examples, options, step, modality);
      expect(memory()).toMatchObject({ numTensors: held.numTensors, numBytes: held.numBytes });
      for (const each of [own, optimizer]) expect(new Set(Object.values(each.steps())).size).toBe(1);
      expect(own.steps()).not.toMatchObject({ 'main.0.weight': 0 });
      for (const each of [own, optimizer, discriminator, model, examples]) each.dispose();
      expect(memory().numTensors).toBe(before);
    });
  });
});

describe('a discriminator', () => {
  const { make, discriminator: createDiscriminator, data, options } = cases.pictures;
  beforeAll(() => startEngine('cpu'));

  it('takes part from its first step on, and not before', async () => {
    const [own, other] = [recorder(), recorder()];
    const adversary = { discriminator: createDiscriminator(), optimizer: other.optimizer };
    const model = make();
    const from = { ...options, discriminatorFrom: 3 };
    const alone = await trainStep({ model, optimizer: own.optimizer }, data(), options, 1);
    expect(await trainStep({ model, optimizer: own.optimizer, adversary }, data(), from, 1)).toEqual(alone);
    expect(Object.keys(other.gradients)).toEqual([]);
    const judged = await trainStep({ model, optimizer: own.optimizer, adversary }, data(), from, 2);
    expect(judged.reconstruction).toBeCloseTo(alone.reconstruction, 6);
    const { generator, weight } = judged.adversarial ?? { generator: 0, weight: 0 };
    expect(judged.loss).toBeCloseTo(judged.reconstruction + judged.quantizer + weight * generator, 5);
    expect(Object.keys(other.gradients)).toHaveLength(12);
  });

  it('gives the mean of the gradients of several batches, each with a weight of its own', async () => {
    const [model, discriminator] = [make(), createDiscriminator()];
    const halves = split(data(), 2);
    const runs: { own: Record<string, Tensor>; other: Record<string, Tensor>; result: StepResult }[] = [];
    for (const batches of [[halves[0]], [halves[1]], halves] as Tensor[][]) {
      const [own, other] = [recorder(), recorder()];
      const state = { model, optimizer: own.optimizer, adversary: { discriminator, optimizer: other.optimizer } };
      const result = await trainStep(state, batches, options, 0);
      runs.push({ own: own.gradients, other: other.gradients, result });
    }
    const [first, second, both] = runs as [(typeof runs)[0], (typeof runs)[0], (typeof runs)[0]];
    for (const side of ['own', 'other'] as const) {
      for (const [name, gradient] of Object.entries(both[side])) {
        const mean = mul(add(first[side][name] as Tensor, second[side][name] as Tensor), 0.5);
        await expectClose(gradient, (await mean.data()) as Float32Array, tolerances.float32);
      }
    }
    const weights = runs.map(({ result }) => result.adversarial?.weight as number) as [number, number, number];
    expect(weights[2]).toBeCloseTo((weights[0] + weights[1]) / 2, 5);
  });

  it('is clipped by its own norm', async () => {
    const [own, other] = [recorder(), recorder()];
    const adversary = { discriminator: createDiscriminator(), optimizer: other.optimizer };
    const state = { model: make(), optimizer: own.optimizer, adversary };
    const { adversarial } = await trainStep(state, data(), { ...options, clipGradNorm: 1e-3 }, 0);
    expect(adversarial?.gradientNorm).toBeGreaterThan(1e-3);
    await expectClose(globalNorm(other.gradients), [1e-3], 1e-2);
  });

  it('is named where it is what is not finite, and nothing is updated', async () => {
    const discriminator = createDiscriminator();
    discriminator.variables()['main.2.bias']?.assign(fillWith([4], Number.NaN));
    const [own, other] = [recorder(), recorder()];
    const state = { model: make(), optimizer: own.optimizer, adversary: { discriminator, optimizer: other.optimizer } };
    await expect(trainStep(state, data(), options, 4)).rejects.toThrow(
      'train: discriminator weight main.2.bias must be finite, got NaN in step 5.',
    );
    expect([own, other].flatMap(({ gradients }) => Object.keys(gradients))).toEqual([]);
  });

  it('is named by its weight where that is too large', async () => {
    const { optimizer } = recorder();
    const state = { model: make(), optimizer, adversary: { discriminator: createDiscriminator(), optimizer } };
    await expect(trainStep(state, data(), { ...options, discriminatorWeight: 1e300 }, 4)).rejects.toThrow(
      /adversarial weight must be finite, got Infinity in step 5\. Lower learningRate or discriminatorWeight,/,
    );
  });

  it('needs the last layer of the model, and examples that are large enough', async () => {
    const { lastLayer: _, ...model } = make();
    const { optimizer } = recorder();
    const state = { model, optimizer, adversary: { discriminator: createDiscriminator(), optimizer } };
    await expect(trainStep(state, data(), options, 0)).rejects.toThrow(OptionError);
    await expect(trainStep(state, data(), options, 0)).rejects.toThrow(/model must have a lastLayer with weights/);
    const create = (shape: number[]) => imageModality.createDiscriminator?.({ shape, filters: 2, seed: 1 });
    expect(() => create([4, 64, 1])).toThrow(/shape must be of 6 × 6 pixels or more, got shape \[4,64\]/);
    for (const [side, rows] of [
      [6, 1],
      [32, 6],
      [64, 6],
    ] as const) {
      const { scores } = create([side, side + 2, 1])?.judge(zeros([1, side, side + 2, 1])) ?? { scores: [] };
      expect(scores.map(({ shape }) => shape[1])).toEqual([rows]);
    }
    const discriminator = createStftDiscriminator({ fftSizes: [64], filters: 2 });
    expect(() => discriminator.judge(zeros([1, 63, 1]))).toThrow(/with 64 samples or more/);
    expect(() => discriminator.judge(zeros([1, 64, 2]))).toThrow(ShapeError);
    expect(() => createStftDiscriminator({ fftSizes: [] })).toThrow(/fftSizes must be a list of one size or more/);
    expect(() => createPatchDiscriminator({ layers: 0 })).toThrow(/layers must be an integer from 1 to 6, got 0/);
    discriminator.dispose();
    discriminator.dispose();
    expect(() => discriminator.variables()).toThrow(DisposedError);
  });

  it('starts as a function of its seed', async () => {
    const weights = async (seed: number): Promise<number[]> => {
      const { 'main.0.weight': weight } = createPatchDiscriminator({ filters: 2, seed }).variables();
      return [...((await weight?.data()) ?? [])];
    };
    expect(await weights(1)).toEqual(await weights(1));
    expect(await weights(1)).not.toEqual(await weights(2));
  });
});
