import { add, keep, type Scalar, stack, type Tensor, type Tensor1D, type Variable } from '@tensorflow/tfjs-core';
import { detach, OptionError, type Quantizer } from '@vqkit/core-tensor';
import { type AdamW, clipByGlobalNorm, createAccumulator, type Ema, globalNorm, learningRateAt } from '@vqkit/nn';
import { type AdversarialOptions, type Adversary, judgeGradients, opposed, originalFeatures } from './adversarial.ts';
import { divergence } from './divergence.ts';
import { type Gradients, lossAndGradients } from './gradients.ts';
import { imageModality } from './modalities/images.ts';
import type { LossOptions, Modality } from './modality.ts';
import type { TrainRecord } from './records.ts';

/** What training asks of a tokenizer of any kind of data. */
export interface Trainable {
  readonly quantizer: Quantizer;
  /** The whole pass, with gradients. `training` turns on the losses and noise. */
  forward(examples: Tensor, options: { training: boolean; step?: number }): Pass;
  /** Everything that the optimizer trains, by state-dict name; may be nothing, of a quantizer that learns without gradients. */
  variables(): Record<string, Variable>;
  /** Of those, what the last layer multiplies by to make the output; a discriminator needs it. */
  lastLayer?(): Record<string, Variable>;
}

/** What one pass gives; the caller disposes the tensors. */
interface Pass {
  readonly latents: Tensor;
  readonly quantized: Tensor;
  readonly indices: Tensor;
  readonly output: Tensor;
  readonly loss: Scalar;
  readonly losses: Readonly<Record<string, Scalar>>;
}

/** What training changes, beside the number of steps done. */
export interface TrainingState<Model extends Trainable = Trainable> {
  readonly model: Model;
  readonly optimizer: AdamW;
  /** Moving averages of the weights, which validation, test and tokenizer files then take. Default none. */
  readonly ema?: Ema | undefined;
  /** Learns to tell originals from reconstructions, and the tokenizer to deceive it. Default none. */
  readonly adversary?: Adversary | undefined;
}

/** Runs an evaluation with the weights that a user gets: the averages, where there are any. */
export function asInUse<T>({ ema }: Pick<TrainingState, 'ema'>, work: () => Promise<T>): Promise<T> {
  return ema === undefined ? work() : ema.withAverages(work);
}

/** What decides one step. */
export interface StepOptions extends LossOptions, AdversarialOptions {
  readonly learningRate: number;
  /** Steps over which the learning rate rises. */
  readonly warmupSteps: number;
  /** What the learning rate does after that: stay, or fall along half a cosine to 0 at the last of `steps`. Default `constant`. */
  readonly schedule?: 'constant' | 'cosine' | undefined;
  /** Of the whole training; only `cosine` needs it. */
  readonly steps?: number | undefined;
  /** Largest global norm of the gradient, 0 for no limit. */
  readonly clipGradNorm: number;
}

/** The numbers of one step. */
export type StepResult = Pick<
  TrainRecord,
  'loss' | 'reconstruction' | 'quantizer' | 'losses' | 'adversarial' | 'gradientNorm' | 'learningRate'
>;

/**
 * One step of training: forward, backward, check, clip, update. `step` counts from 0. Leaves no tensors behind; `examples` stay the
 * caller's. Several batches make one step with the mean of their gradients, as of one large batch; what learns as a moving average moves with
 * each of them.
 *
 * From `discriminatorFrom` on the loss has the adversarial part of {@link opposed}, and the discriminator takes a step of its own on the same reconstructions; both
 * gradients are of the weights before the step.
 *
 * @throws DivergenceError, before anything is updated, when the loss or the gradient is not finite; it names the first tensor in
 * the order weights (a weight that is not finite spoils all else), losses, gradients. OptionError for a discriminator and a model that does not say its last layer.
 */
export async function trainStep(
  { model, optimizer, ema, adversary }: TrainingState,
  examples: Tensor | readonly Tensor[],
  options: StepOptions,
  step: number,
  modality: Pick<Modality, 'loss'> = imageModality,
): Promise<StepResult> {
  const variables = model.variables();
  const batches = Array.isArray(examples) ? (examples as readonly Tensor[]) : [examples as Tensor];
  const isJudged = step + 1 >= (options.discriminatorFrom ?? 1);
  const judge = isJudged ? adversary : undefined;
  const made = passes(variables, model, judge, batches, options, step, modality);
  const { names, losses: kept, gradients } = made;
  const [norm, judgeNorm] = [globalNorm(gradients), globalNorm(made.judgeGradients)];
  const { learningRate: base, warmupSteps, schedule, steps } = options;
  const learningRate = learningRateAt(step, { base, warmupSteps, decay: schedule, steps });
  try {
    const [parts, judgeLosses, [gradientNorm = 0], [judgeGradientNorm = 0]] = await Promise.all([
      Promise.all(kept.map((each) => each.data())),
      Promise.all(made.judgeLosses.map((each) => each.data())),
      norm.data(),
      judgeNorm.data(),
    ]);
    const [total = 0, reconstruction = 0, quantizer = 0, ...named] = meansOf(parts);
    const [generator = 0, features = 0, weight = 0] = named.slice(names.length);
    const [discriminator = 0] = meansOf(judgeLosses);
    const adversarial = { discriminator, generator, features, weight, gradientNorm: judgeGradientNorm };
    const result = {
      loss: total,
      reconstruction,
      quantizer,
      losses: Object.fromEntries(names.map((name, i) => [name, named[i] as number])),
      ...(judge === undefined ? {} : { adversarial }),
      gradientNorm,
      learningRate,
    };
    if (![total, gradientNorm, discriminator, judgeGradientNorm].every(Number.isFinite)) {
      throw await divergence(
        step,
        result,
        { variables, gradients },
        judge && {
          variables: judge.discriminator.variables(),
          gradients: made.judgeGradients,
        },
      );
    }
    update(optimizer, gradients, norm, learningRate, options);
    if (judge !== undefined) update(judge.optimizer, made.judgeGradients, judgeNorm, learningRate, options);
    ema?.update();
    return result;
  } finally {
    const held = [...kept, ...made.judgeLosses, ...Object.values(gradients), ...Object.values(made.judgeGradients)];
    disposeAll([norm, judgeNorm, ...held]);
  }
}

/** A step of an optimizer on gradients that are cut to the greatest norm. */
function update(
  optimizer: AdamW,
  gradients: Gradients,
  norm: Scalar,
  learningRate: number,
  { clipGradNorm }: StepOptions,
): void {
  const clipped = clipGradNorm > 0 ? clipByGlobalNorm(gradients, norm, clipGradNorm) : {};
  optimizer.step(clipGradNorm > 0 ? clipped : gradients, learningRate);
  disposeAll(Object.values(clipped));
}

interface Passes {
  /** Of the quantizer's losses. */
  readonly names: readonly string[];
  /** Of each batch: the whole loss, reconstruction, quantizer, the quantizer's parts, and with a discriminator the three of {@link Opposed}. */
  readonly losses: readonly Tensor1D[];
  /** Of each batch: the discriminator's own loss. */
  readonly judgeLosses: readonly Scalar[];
  /** Of one batch, or the mean of several. */
  readonly gradients: Gradients;
  /** Those of the discriminator. */
  readonly judgeGradients: Gradients;
}

/** Forward and backward over the batches of a step. */
function passes(
  variables: Record<string, Variable>,
  model: Trainable,
  adversary: Adversary | undefined,
  batches: readonly Tensor[],
  options: StepOptions,
  step: number,
  modality: Pick<Modality, 'loss'>,
): Passes {
  let names: string[] = [];
  const [losses, judgeLosses]: [Tensor1D[], Scalar[]] = [[], []];
  const [own, ofJudge] = [gatherer(batches.length), gatherer(batches.length)];
  const lastLayer = adversary === undefined ? [] : lastLayerOf(model);
  for (const batch of batches) {
    const originals = adversary === undefined ? [] : originalFeatures(adversary, batch, options);
    const made: { output?: Tensor } = {};
    const { loss: value, gradients } = lossAndGradients(variables, () => {
      const { output, loss, losses: parts } = model.forward(batch, { training: true, step });
      const reconstruct = (from: Tensor): Scalar => modality.loss(from, batch, options);
      const against = adversary && opposed(output, lastLayer, reconstruct, adversary, options, originals);
      const reconstruction = against?.reconstruction ?? reconstruct(output);
      const total: Scalar = add(against?.loss ?? reconstruction, loss);
      names = Object.keys(parts);
      const further = against === undefined ? [] : [against.generator, against.features, against.weight];
      losses.push(keep(stack([total, reconstruction, loss, ...Object.values(parts), ...further]) as Tensor1D));
      if (adversary !== undefined) made.output = keep(detach(output));
      return total;
    });
    value.dispose();
    own.add(gradients);
    if (adversary !== undefined && made.output !== undefined) {
      const judged = judgeGradients(adversary, batch, made.output);
      judgeLosses.push(judged.loss);
      ofJudge.add(judged.gradients);
      disposeAll([made.output, ...originals]);
    }
  }
  return { names, losses, judgeLosses, gradients: own.take(), judgeGradients: ofJudge.take() };
}

/** Gathers the gradients of so many batches: of one as they are, of several their mean. */
function gatherer(batches: number): { add(gradients: Gradients): void; take(): Gradients } {
  const accumulator = createAccumulator();
  let last: Gradients = {};
  return {
    add(gradients) {
      last = gradients;
      if (batches === 1) return;
      accumulator.add(gradients);
      disposeAll(Object.values(gradients));
    },
    take: () => (batches === 1 ? last : accumulator.take()),
  };
}

function lastLayerOf(model: Trainable): Variable[] {
  const layer = Object.values(model.lastLayer?.() ?? {});
  const rule = 'have a lastLayer with weights where a discriminator takes part';
  if (layer.length === 0) {
    throw new OptionError('trainStep', 'model', rule, layer, 'Train without one, or another architecture.');
  }
  return layer;
}

/** Column by column. */
function meansOf(rows: readonly ArrayLike<number>[]): number[] {
  const [first = []] = rows;
  return Array.from(first, (_, j) => rows.reduce((sum, row) => sum + (row[j] as number), 0) / rows.length);
}

function disposeAll(tensors: readonly Tensor[]): void {
  for (const tensor of tensors) tensor.dispose();
}
