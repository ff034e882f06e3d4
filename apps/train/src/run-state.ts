import { createAdamW, createEma } from '@vqkit/nn';
import type { Tokenizer } from '@vqkit/tokenizer';
import { estimateJudgement, estimateStep, type Modality } from '@vqkit/training';
import { createAdversary } from './discriminator.ts';
import type { ExampleSets } from './modality.ts';
import type { TrainConfig } from './train-options.ts';
import type { RunState } from './training-state.ts';

/**
 * What a run trains, beside the tokenizer: the optimizer, moving averages, a discriminator.
 *
 * @throws OptionError or ShapeError for data without a discriminator; the tokenizer stays the caller's then.
 */
export function createRunState(
  config: TrainConfig,
  model: Tokenizer,
  modality: Modality,
  { train }: Pick<ExampleSets, 'train'>,
): RunState {
  const { betas, eps, weightDecay, ema: decay } = config;
  const adversary = createAdversary(config, modality, train);
  const variables = model.variables();
  return {
    model,
    optimizer: createAdamW({ variables, betas, eps, weightDecay }),
    ema: decay === undefined ? undefined : createEma({ variables, decay }),
    adversary,
  };
}

/** Frees it, without the tokenizer. */
export function disposeRunState({ optimizer, ema, adversary }: RunState): void {
  ema?.dispose();
  optimizer.dispose();
  adversary?.optimizer.dispose();
  adversary?.discriminator.dispose();
}

/** About how many seconds the steps take that are left after `reached`. */
export async function estimateRun(
  { model, adversary }: RunState,
  modality: Modality,
  { train }: Pick<ExampleSets, 'train'>,
  config: TrainConfig,
  reached = 0,
): Promise<number> {
  const { steps, discriminatorFrom: from = steps + 1 } = config;
  const plain = (steps - reached) * (await estimateStep(model, modality, train, config));
  if (adversary === undefined || from > steps) return plain;
  const judged = steps - Math.max(reached, from - 1);
  return plain + judged * (await estimateJudgement(adversary.discriminator, modality, train, config));
}
