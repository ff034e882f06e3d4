import { readJson } from '@vqkit/checkpoint/node';
import { OptionError, phrase } from '@vqkit/core-tensor';
import { LONGEST_SIDE, requireDivisible } from '@vqkit/data';
import { DATA_NAMES, kindOfData } from '@vqkit/data/node';
import { QUANTIZERS, quantizerNames } from '@vqkit/quantizers';
import { checkOptions, count, field, inGroup } from '@vqkit/schema';
import { z } from 'zod';
import { presets, RECIPE } from './presets.ts';
import {
  ENGINE_HELP,
  ENGINE_NAMES,
  LOSS_NAMES,
  PRESET_NAMES,
  type TrainConfig,
  type TrainOptions,
} from './train-options.ts';

const DEFAULTS = {
  ...RECIPE,
  data: 'mnist',
  quantizer: 'lfq',
  quantizerOptions: {},
  seed: 1234,
  logEvery: 10,
  validateEvery: 100,
  checkpointEvery: 100,
  keepCheckpoints: 3,
  engine: 'auto',
} as const satisfies TrainOptions;

/** Such as `4 for lfq and residual-lfq, 0 for the others`. */
function defaultNormGroups(): string {
  const normed = Object.values(QUANTIZERS).filter(({ normGroups }) => normGroups > 0);
  const groups = [...new Set(normed.map(({ normGroups }) => normGroups))];
  const parts = groups.map(
    (count) =>
      `${count} for ${normed
        .filter(({ normGroups }) => normGroups === count)
        .map(({ name }) => name)
        .join(' and ')}`,
  );
  return [...parts, '0 for the others'].join(', ');
}

const schema = z.strictObject({
  preset: field(z.enum(PRESET_NAMES), 'A named set of options; files and flags override it.'),
  ...inGroup('Data', {
    data: field(
      z.enum(DATA_NAMES),
      "Training images: 'mnist' (70,000 digits, comes along), 'idx' (files in MNIST's format), 'folder' (PNG and JPEG). With a path what is there.",
      DEFAULTS.data,
    ),
    dataPath: field(
      z.string().min(1),
      "Where the data are. For 'idx' a folder with train-images-idx3-ubyte and t10k-images-idx3-ubyte (or .gz), or one IDX file; for 'folder' a folder of images, with subfolders train, and val or test or both, if it has parts of its own.",
    ),
    imageSize: field(
      count(4).max(LONGEST_SIDE),
      'Height and width in pixels, a multiple of 2^(number of widths). Default 64 for a folder, whose images are cropped and resized; IDX data have their own.',
    ),
    channels: field(
      z.union([z.literal(1), z.literal(3)]),
      '1 for grey, 3 for RGB. Default 3 for a folder, 1 for IDX data.',
    ),
    validationSize: field(
      count(0),
      'Training images held out and measured while training, or so many of the folder val; 0 for none. Default a tenth, 1,000 at most; of the folder val 1,000.',
    ),
    testSize: field(
      count(1),
      'Images held out for the test where the data have no test part of their own. Default a tenth.',
    ),
  }),
  ...inGroup('Tokenizer', {
    quantizer: field(z.enum(quantizerNames()), 'The quantizer to train.', DEFAULTS.quantizer),
    quantizerOptions: field(
      z.record(z.string(), z.unknown()),
      "Options of the quantizer, as its constructor takes them, over the recipe's.",
      DEFAULTS.quantizerOptions,
    ),
    widths: field(
      z.array(count(1)).min(1).max(16),
      'Channels of the encoder, one entry per halving of the image; the decoder mirrors them.',
      DEFAULTS.widths,
    ),
    normGroups: field(
      count(0),
      `Groups of the GroupNorm before the quantizer, 0 for none. Default ${defaultNormGroups()}.`,
    ),
  }),
  ...inGroup('Training', {
    loss: field(
      z.enum(LOSS_NAMES),
      "Reconstruction loss: 'l1' mean absolute or 'mse' mean squared difference.",
      DEFAULTS.loss,
    ),
    clampOutput: field(
      z.boolean(),
      'Clamps the output to [-1, 1] before the loss. The test always does.',
      DEFAULTS.clampOutput,
    ),
    batchSize: field(count(1), 'Images per step.', DEFAULTS.batchSize),
    steps: field(count(1), 'Training steps.', DEFAULTS.steps),
    learningRate: field(z.number().positive(), 'Learning rate of AdamW after the warm-up.', DEFAULTS.learningRate),
    weightDecay: field(z.number().min(0), 'Decoupled weight decay of AdamW.', DEFAULTS.weightDecay),
    betas: field(
      z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]),
      'Decay rates of the two moments of AdamW.',
      DEFAULTS.betas,
    ),
    eps: field(z.number().positive(), 'Added to the denominator of AdamW.', DEFAULTS.eps),
    warmupSteps: field(
      count(0),
      'Steps over which the learning rate rises linearly: learningRate/warmupSteps in the first of them, learningRate in the last.',
      DEFAULTS.warmupSteps,
    ),
    clipGradNorm: field(
      z.number().min(0),
      'Largest global norm of the gradient; longer ones are scaled down. 0 for no limit.',
      DEFAULTS.clipGradNorm,
    ),
    seed: field(
      count(0).max(2 ** 32 - 1),
      'Seed of weights, order of images, held-out images and noise.',
      DEFAULTS.seed,
    ),
  }),
  ...inGroup('Run', {
    outDir: field(z.string().min(1), 'Run folder. Default runs/<data>-<quantizer>-<seed>.'),
    logEvery: field(count(1), 'Steps between two lines of metrics.jsonl.', DEFAULTS.logEvery),
    validateEvery: field(count(1), 'Steps between two validations.', DEFAULTS.validateEvery),
    checkpointEvery: field(count(1), 'Steps between two checkpoints.', DEFAULTS.checkpointEvery),
    keepCheckpoints: field(count(2), 'How many of the newest checkpoints are kept.', DEFAULTS.keepCheckpoints),
    engine: field(z.enum(ENGINE_NAMES), ENGINE_HELP, DEFAULTS.engine),
    threads: field(count(1), 'Threads of the wasm engine. Default all cores.'),
  }),
});

/** Every option of a run with its description and default; unknown keys are refused. */
export const configSchema: z.ZodType<TrainOptions> = schema;

/** {@link configSchema} as JSON Schema: name, type, choices, description and default of each option, to make flags from. */
export function configJsonSchema(): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(schema);
}

/**
 * The configuration of a run from options: preset and defaults filled in, everything checked.
 *
 * @throws OptionError naming the option, the rule, the value and the fix; an unknown option with the nearest known one.
 * @example
 * const config = createConfig({ preset: 'recipe', quantizer: 'fsq', seed: 1 });
 */
export function createConfig(options: TrainOptions, where = 'createConfig'): TrainConfig {
  const given = check(options, where);
  const data = given.data ?? (given.dataPath === undefined ? DEFAULTS.data : kindOfData(given.dataPath));
  const fromPreset = given.preset === undefined ? {} : presets[given.preset].options(data);
  const merged = { ...DEFAULTS, ...fromPreset, ...defined(given), data };
  const config = { outDir: `runs/${merged.data}-${merged.quantizer}-${merged.seed}`, ...merged };
  if (config.data !== 'mnist' && config.dataPath === undefined) {
    throw new OptionError(
      where,
      'dataPath',
      `be given for data '${config.data}'`,
      undefined,
      'Pass the path of the data.',
    );
  }
  if (config.data === 'mnist' && config.dataPath !== undefined) {
    throw new OptionError(
      where,
      'dataPath',
      "not be given with data 'mnist', which comes along",
      config.dataPath,
      'Leave one of the two out.',
    );
  }
  requireDivisible(where, config.imageSize, config.widths.length);
  return config;
}

/**
 * The configuration from a JSON file and flags. Precedence: defaults < preset < file < flags; a flag's `quantizerOptions` are laid
 * over those of the file one by one.
 *
 * @throws OptionError when the file cannot be read or is not JSON, or an option breaks its rule.
 */
export async function loadConfig(sources: { file?: string | undefined; flags?: TrainOptions }): Promise<TrainConfig> {
  const flags = check(sources.flags ?? {}, 'loadConfig');
  const fromFile = sources.file === undefined ? {} : await readConfigFile(sources.file);
  const merged = { ...defined(fromFile), ...defined(flags) };
  if (fromFile.quantizerOptions === undefined) return createConfig(merged, 'loadConfig');
  const quantizerOptions = { ...fromFile.quantizerOptions, ...flags.quantizerOptions };
  return createConfig({ ...merged, quantizerOptions }, 'loadConfig');
}

async function readConfigFile(file: string): Promise<TrainOptions> {
  const json = await readJson(file, (rule, found) => {
    const fix = rule === 'a readable file' ? 'Check the path.' : 'Write { "steps": 1000, … }.';
    return new OptionError('loadConfig', file, `be ${rule}`, phrase(found), fix);
  });
  return check(json, `loadConfig: ${file}`);
}

function check(options: unknown, where: string): TrainOptions {
  return checkOptions(schema, options, where);
}

function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
