import {
  add,
  div,
  keep,
  maximum,
  mean,
  norm,
  type Scalar,
  squaredDifference,
  stack,
  type Tensor,
  type Tensor1D,
  tensor2d,
  tidy,
  variable,
  zeros,
} from '@tensorflow/tfjs-core';
import { createRng, type Quantizer } from '@vqkit/core-tensor';
import { createActivation, createAdamW, createLinearLayer, createScope, type Module, type Scope } from '@vqkit/nn';
import { DivergenceError, lossAndGradients } from '@vqkit/training';
import { createPlayQuantizer } from './quantizers.ts';
import type { PlaySettings } from './settings.ts';
import { streams } from './streams.ts';

/** Points of a step. */
const BATCH = 256;
const HIDDEN = 32;

/** What one step gives, read from the engine. */
export interface PlayStep {
  readonly latents: Float32Array;
  readonly quantized: Float32Array;
  readonly ids: Int32Array;
  readonly gradients: Float32Array;
  readonly losses: Readonly<Record<string, number>>;
}

/** An autoencoder of points, 2 → 32 → 2 → 32 → 2, with a quantizer in its middle. */
export interface PlayModel {
  readonly quantizer: Quantizer;
  /** Trains one step. The tensors of the last step stay until the next. */
  step(): void;
  steps(): number;
  /** Reads the last step. @throws DivergenceError when its loss is not finite. */
  read(): Promise<PlayStep>;
  dispose(): void;
}

export function createPlayModel(settings: PlaySettings): PlayModel {
  const { stream, norm: normName, learningRate, seed } = settings;
  const quantizer = createPlayQuantizer(settings);
  const rng = createRng(seed);
  const data = rng.fork('data');
  const scope = createScope(rng.fork('weights'));
  const encoder = network(scope.at('encoder'));
  const decoder = network(scope.at('decoder'));
  // Added to the latents and never changed: its gradient is theirs.
  const probe = variable(zeros([BATCH, 2]));
  const trained = {
    ...Object.fromEntries(scope.parameters().map(({ name, variable: weight }) => [name, weight])),
    ...Object.fromEntries(Object.entries(quantizer.variables()).map(([name, weight]) => [`quantizer.${name}`, weight])),
  };
  const optimizer = createAdamW({ variables: trained });

  let steps = 0;
  let names: readonly string[] = [];
  let last: Readonly<Record<'latents' | 'quantized' | 'ids' | 'losses' | 'gradients', Tensor>> | undefined;
  const forget = (): void => {
    for (const tensor of Object.values(last ?? {})) tensor.dispose();
    last = undefined;
  };

  return {
    quantizer,
    steps: () => steps,
    step() {
      forget();
      const points = tensor2d(streams[stream](data, BATCH), [BATCH, 2]);
      let kept: Omit<NonNullable<typeof last>, 'gradients'> | undefined;
      const { loss, gradients } = lossAndGradients({ ...trained, probe }, () => {
        const encoded = run(encoder, points);
        const latents = add(normName === 'unit' ? toUnitLength(encoded) : encoded, probe);
        const { quantized, indices, loss: own, losses } = quantizer.quantize(latents, { training: true, step: steps });
        const reconstruction = mean(squaredDifference(run(decoder, quantized), points)) as Scalar;
        const total: Scalar = add(reconstruction, own);
        names = ['loss', 'reconstruction', 'quantizer', ...Object.keys(losses)];
        kept = {
          latents: keep(latents.clone()),
          quantized: keep(quantized.clone()),
          ids: keep(indices.clone()),
          losses: keep(stack([total, reconstruction, own, ...Object.values(losses)]) as Tensor1D),
        };
        return total;
      });
      const { probe: ofLatents, ...rest } = gradients;
      optimizer.step(rest, learningRate);
      for (const each of [points, loss, ...Object.values(rest)]) each.dispose();
      if (kept !== undefined && ofLatents !== undefined) last = { ...kept, gradients: ofLatents };
      steps++;
    },
    async read() {
      if (last === undefined) throw new Error('No step was done.');
      const { latents, quantized, ids, losses, gradients } = last;
      const values = await losses.data();
      const named = Object.fromEntries(names.map((name, i) => [name, values[i] as number]));
      if (!Number.isFinite(named.loss)) {
        const fix = 'Take a lower learning rate or lower weights.';
        throw new DivergenceError('play', 'the loss', named.loss, fix, steps);
      }
      return {
        latents: (await latents.data()) as Float32Array,
        quantized: (await quantized.data()) as Float32Array,
        ids: (await ids.data()) as Int32Array,
        gradients: (await gradients.data()) as Float32Array,
        losses: named,
      };
    },
    dispose() {
      forget();
      optimizer.dispose();
      quantizer.dispose();
      probe.dispose();
      for (const { variable: weight } of scope.parameters()) weight.dispose();
    },
  };
}

function network(scope: Scope): Module[] {
  return [
    createLinearLayer(scope.at(0), { inputs: 2, outputs: HIDDEN }),
    createActivation(scope.at(1), 'gelu'),
    createLinearLayer(scope.at(2), { inputs: HIDDEN, outputs: 2 }),
  ];
}

function run(modules: readonly Module[], x: Tensor): Tensor {
  return modules.reduce((y, module) => module.apply(y), x);
}

/** Of latents of length 0 nothing is made. */
function toUnitLength(z: Tensor): Tensor {
  return tidy(() => div(z, maximum(norm(z, 2, -1, true), 1e-6)));
}
