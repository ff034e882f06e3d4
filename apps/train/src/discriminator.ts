import { OptionError } from '@vqkit/core-tensor';
import { createAdamW } from '@vqkit/nn';
import { count, field, inGroup } from '@vqkit/schema';
import type { Adversary, Examples, Modality } from '@vqkit/training';
import { z } from 'zod';
import type { AudioConfig, SharedConfig, TrainConfig } from './train-options.ts';

type Options = Pick<
  AudioConfig,
  'discriminatorFrom' | 'discriminatorWeight' | 'discriminatorFilters' | 'featureWeight'
>;

/** As VQGAN weighs it. */
const WEIGHT = 0.8;
const FEATURE_WEIGHT = 1;
/** Adam's as VQGAN has them for its discriminator, without weight decay. */
const OPTIMIZER = { betas: [0.5, 0.9], eps: 1e-8, weightDecay: 0 } as const;

/** Of pictures and of sound: one that the processor trains in less time than the tokenizer. VQGAN's has 64, EnCodec's 32. */
export const IMAGE_FILTERS = 32;
export const SOUND_FILTERS = 8;

/** What a run on pictures or sound may say of a discriminator. */
export const discriminatorFields: Readonly<Record<string, z.ZodType>> = inGroup('Discriminator', {
  discriminatorFrom: field(
    z.number().positive(),
    'First step with a discriminator, a network that learns to tell originals from reconstructions while the tokenizer learns to deceive it; below 1 a share of the steps, such as 0.5. Default none.',
  ),
  discriminatorWeight: field(
    z.number().min(0),
    `What it counts: the norm of its gradient at the decoder's last layer, over that of the reconstruction's. Default ${WEIGHT}.`,
  ),
  discriminatorFilters: field(
    count(1).max(4096),
    `Channels of its first convolution. Default ${IMAGE_FILTERS} for images, ${SOUND_FILTERS} for sound.`,
  ),
});

/** The same of sound alone. */
export const featureFields: Readonly<Record<string, z.ZodType>> = inGroup('Discriminator', {
  featureWeight: field(
    z.number().min(0),
    `What the difference between its features of originals and of reconstructions counts beside its scores. Default ${FEATURE_WEIGHT}.`,
  ),
});

/** What stands where nothing is given; nothing without a discriminator. */
export function discriminatorDefaults(given: Options, filters: number, hasFeatures: boolean): Options {
  if (given.discriminatorFrom === undefined) return {};
  const own = { discriminatorWeight: WEIGHT, discriminatorFilters: filters };
  return hasFeatures ? { ...own, featureWeight: FEATURE_WEIGHT } : own;
}

/** @throws OptionError where they do not go together. */
export function checkDiscriminator(where: string, config: Options & Pick<SharedConfig, 'steps'>): void {
  const { discriminatorFrom: from, discriminatorWeight, discriminatorFilters, featureWeight, steps } = config;
  if (from === undefined) {
    for (const [name, value] of Object.entries({ discriminatorWeight, discriminatorFilters, featureWeight })) {
      if (value === undefined) continue;
      const fix = 'Leave it out, or pass for example discriminatorFrom 0.5.';
      throw new OptionError(where, name, 'not be given without discriminatorFrom', value, fix);
    }
    return;
  }
  if (from >= 1 && !Number.isInteger(from)) {
    const fix = `Use ${Math.round(from)}.`;
    throw new OptionError(where, 'discriminatorFrom', 'be an integer, or a share of the steps below 1', from, fix);
  }
  if (steps > 0 && from > steps) {
    throw new OptionError(
      where,
      'discriminatorFrom',
      `be <= ${steps}, the steps`,
      from,
      'Use for example 0.5, or more steps.',
    );
  }
}

/** The step of a share: the first of the last part, 501 of 1,000 steps for 0.5. */
export function resolveDiscriminator<Config extends TrainConfig>(config: Config): Config {
  const { discriminatorFrom: from, steps } = config;
  if (from === undefined) return config;
  checkDiscriminator('train', config);
  return from >= 1 ? config : { ...config, discriminatorFrom: Math.min(steps, Math.floor(from * steps) + 1) };
}

/** The discriminator of a run, and its optimizer; undefined of a run without. */
export function createAdversary(
  { data, discriminatorFrom, discriminatorFilters: filters = IMAGE_FILTERS, seed }: TrainConfig,
  modality: Pick<Modality, 'createDiscriminator'>,
  { shape }: Pick<Examples, 'shape'>,
): Adversary | undefined {
  if (discriminatorFrom === undefined) return undefined;
  if (modality.createDiscriminator === undefined) {
    const rule = `not be given with data '${data}'`;
    throw new OptionError('train', 'discriminatorFrom', rule, discriminatorFrom, 'Leave it out.');
  }
  const discriminator = modality.createDiscriminator({ shape, filters, seed });
  return { discriminator, optimizer: createAdamW({ variables: discriminator.variables(), ...OPTIMIZER }) };
}
