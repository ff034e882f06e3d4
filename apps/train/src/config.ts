import { isDeepStrictEqual } from 'node:util';
import { readJson } from '@vqkit/checkpoint/node';
import { OptionError, phrase } from '@vqkit/core-tensor';
import { holdsSounds, kindOfData } from '@vqkit/data/node';
import { quantizerNames } from '@vqkit/quantizers';
import { isRowFile } from '@vqkit/rows';
import { checkOptions, count, field, inGroup } from '@vqkit/schema';
import { z } from 'zod';
import { MODALITIES, modalityOf } from './modalities.ts';
import type { ModalityOptions } from './modality.ts';
import { RECIPE } from './presets.ts';
import {
  ENGINE_HELP,
  ENGINE_NAMES,
  type ImageConfig,
  type ImageOptions,
  LOG_NAMES,
  LOSS_NAMES,
  PRESET_NAMES,
  SCHEDULE_NAMES,
  type SharedConfig,
  type TrainConfig,
  type TrainOptions,
} from './train-options.ts';

/** Of any kind of data; each has more, and others. */
const DEFAULTS = {
  loss: RECIPE.loss,
  learningRate: RECIPE.learningRate,
  weightDecay: RECIPE.weightDecay,
  betas: RECIPE.betas,
  eps: RECIPE.eps,
  warmupSteps: RECIPE.warmupSteps,
  schedule: 'constant',
  clipGradNorm: RECIPE.clipGradNorm,
  accumulate: 1,
  quantizerOptions: {},
  seed: 1234,
  logEvery: 10,
  validateEvery: 100,
  checkpointEvery: 100,
  keepCheckpoints: 3,
  engine: 'auto',
} as const satisfies Partial<SharedConfig>;

const schema = z.strictObject({
  preset: field(z.enum(PRESET_NAMES), 'A named set of options; files and flags override it.'),
  ...inGroup('Data', {
    data: field(
      z.enum(MODALITIES.flatMap(({ data }) => data) as [TrainConfig['data'], ...TrainConfig['data'][]]),
      "'mnist' (70,000 digits, comes along), 'idx' (images in files of MNIST's format), 'folder' (PNG and JPEG), 'vectors' (a .npy, .parquet or .safetensors file; residual-vq by default), 'audio' (WAV, FLAC, Ogg and MP3; residual-fsq by default). Default with a path: what is there.",
      'mnist',
    ),
    dataPath: field(
      z.string().min(1),
      "Where the data are. For 'idx' a folder with train-images-idx3-ubyte and t10k-images-idx3-ubyte (or .gz), or one IDX file; for 'folder' a folder of images, with subfolders train, and val or test or both, if it has parts of its own.",
    ),
    validationSize: field(
      count(0),
      'Training examples held out for validation, or this many of the folder val; 0 for none. Default a tenth, at most 1,000; of the folder val 1,000.',
    ),
  }),
  ...inGroup('Tokenizer', {
    arch: field(
      z.enum(
        MODALITIES.flatMap(({ options: { archs } }) => Object.keys(archs)) as [
          TrainConfig['arch'],
          ...TrainConfig['arch'][],
        ],
      ),
      MODALITIES.map(({ shown: { noun }, options: { archs } }) => {
        const texts = Object.entries(archs).map(
          ([name, { text }], i) => `'${name}'${i === 0 ? ' (default)' : ''}, ${text}`,
        );
        return `Network of ${noun}s: ${texts.join('; ')}.`;
      }).join(' '),
    ),
    quantizer: field(z.enum(quantizerNames()), 'The quantizer to train.', 'lfq'),
    quantizerOptions: field(
      z.record(z.string(), z.unknown()),
      "Options of the quantizer, as its constructor takes them, over the recipe's.",
      DEFAULTS.quantizerOptions,
    ),
  }),
  ...Object.assign({}, ...MODALITIES.map(({ options }) => options.own)),
  ...inGroup('Training', {
    loss: field(
      z.enum(LOSS_NAMES),
      "Reconstruction loss: 'l1' mean absolute difference, 'mse' mean squared difference, 'l1+mse' their sum.",
      DEFAULTS.loss,
    ),
    batchSize: field(count(1), 'Examples per batch.', RECIPE.batchSize),
    accumulate: field(
      count(1),
      'Batches whose gradients make one step, as of one batch of all their examples.',
      DEFAULTS.accumulate,
    ),
    steps: field(count(1), 'Training steps.', RECIPE.steps),
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
    schedule: field(
      z.enum(SCHEDULE_NAMES),
      "Learning rate after the warm-up: 'constant', or 'cosine', which falls along half a cosine to 0 at the last step.",
      DEFAULTS.schedule,
    ),
    ema: field(
      z.number().gt(0).lt(1),
      'Keeps moving averages of the weights, with this share of the average kept in a step, such as 0.999; validation, test and the tokenizer take them. Default none.',
    ),
    clipGradNorm: field(
      z.number().min(0),
      'Largest global norm of the gradient; longer ones are scaled down. 0 for no limit.',
      DEFAULTS.clipGradNorm,
    ),
    seed: field(count(0).max(2 ** 32 - 1), 'Seed of weights, order, held-out examples and noise.', DEFAULTS.seed),
  }),
  ...inGroup('Run', {
    outDir: field(z.string().min(1), 'Run folder. Default runs/<data>-<quantizer>-<seed>.'),
    log: field(
      z.enum(LOG_NAMES),
      "Also write what 'tensorboard' shows: event files in the run's folder tensorboard, which it follows live.",
    ),
    logEvery: field(count(1), 'Steps between two lines of metrics.jsonl.', DEFAULTS.logEvery),
    validateEvery: field(count(1), 'Steps between two validations.', DEFAULTS.validateEvery),
    checkpointEvery: field(count(1), 'Steps between two checkpoints.', DEFAULTS.checkpointEvery),
    keepCheckpoints: field(count(2), 'How many of the newest checkpoints are kept.', DEFAULTS.keepCheckpoints),
    engine: field(
      z.enum(ENGINE_NAMES),
      `${ENGINE_HELP} For arch 'resnet' wasm comes before native, because it is faster there.`,
      DEFAULTS.engine,
    ),
    threads: field(count(1), 'Threads of the wasm engine. Default all cores.'),
  }),
});

/** Every option of a run with its description and default; unknown keys are refused. */
export const configSchema: z.ZodType<TrainOptions> = schema as unknown as z.ZodType<TrainOptions>;

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
export function createConfig(options: ImageOptions, where?: string): ImageConfig;
export function createConfig(options: TrainOptions, where?: string): TrainConfig;
export function createConfig(options: TrainOptions, where = 'createConfig'): TrainConfig {
  const given = check(options, where);
  const ofPreset = MODALITIES.find(({ presets }) => given.preset !== undefined && presets.includes(given.preset));
  const guessed = (): TrainConfig['data'] => {
    // A preset of one kind of data alone says which.
    if (ofPreset?.data.length === 1) return ofPreset.data[0] as TrainConfig['data'];
    return given.dataPath === undefined ? 'mnist' : dataAt(given.dataPath);
  };
  const data = given.data ?? guessed();
  const modality = modalityOf(data);
  const defaults = { ...DEFAULTS, ...modality.options.defaults({ ...given, data }) };
  const quantizerOptions = { ...defaults.quantizerOptions, ...given.quantizerOptions };
  const merged = { ...defaults, ...defined(given), quantizerOptions, data } as TrainConfig;
  const { outDir = `runs/${data}-${merged.quantizer}-${merged.seed}` }: { readonly outDir?: string } = merged;
  const config: TrainConfig = { ...merged, outDir };
  const wasGiven = (name: string): unknown => {
    const value = (given as Readonly<Record<string, unknown>>)[name];
    // A configuration file of an earlier run has the defaults written out.
    return isDeepStrictEqual(value, (defaults as Readonly<Record<string, unknown>>)[name]) ? undefined : value;
  };
  const own = Object.keys(modality.options.own);
  const foreign = MODALITIES.flatMap((other) => Object.keys(other.options.own)).filter((name) => !own.includes(name));
  const hasPreset = given.preset === undefined || modality.presets.includes(given.preset);
  for (const name of [...foreign, ...(hasPreset ? [] : ['preset'])]) {
    const value = wasGiven(name);
    if (value === undefined) continue;
    throw new OptionError(where, name, `not be given with data '${data}'`, value, 'Leave it out, or pass other data.');
  }
  requireArch(where, data, config.arch, modality.options.archs, wasGiven);
  const { schedule, steps, warmupSteps } = config;
  if (schedule === 'cosine' && steps > 0 && steps <= warmupSteps) {
    throw new OptionError(
      where,
      'steps',
      `be > ${warmupSteps}, the warmupSteps, with schedule 'cosine'`,
      steps,
      'Use fewer warmupSteps.',
    );
  }
  modality.options.check(where, config, wasGiven);
  return config;
}

/** Throws unless a network is one for the data, and nothing was given that it does not have. */
function requireArch(
  where: string,
  data: string,
  arch: string,
  archs: ModalityOptions['archs'],
  wasGiven: (name: string) => unknown,
): void {
  const entries = Object.entries(archs);
  const own = entries.find(([name]) => name === arch)?.[1].own;
  if (own === undefined) {
    const names = entries.map(([name]) => `'${name}'`).join(' or ');
    throw new OptionError(where, 'arch', `be ${names} with data '${data}'`, arch, 'Leave it out, or pass other data.');
  }
  for (const [other, { own: others }] of entries) {
    for (const name of others) {
      const value = own.includes(name) ? undefined : wasGiven(name);
      if (value === undefined) continue;
      throw new OptionError(
        where,
        name,
        `not be given with arch '${arch}'`,
        value,
        `Leave it out, or pass arch '${other}'.`,
      );
    }
  }
}

/** What a path holds, by its name or what lies there. */
function dataAt(path: string): TrainConfig['data'] {
  if (isRowFile(path)) return 'vectors';
  return holdsSounds(path) ? 'audio' : kindOfData(path);
}

/**
 * The configuration from a JSON file and flags. Precedence: defaults < preset < file < flags; a flag's `quantizerOptions` are laid
 * over those of the file one by one.
 *
 * @throws OptionError when the file cannot be read or is not JSON, or an option breaks its rule.
 */
export async function loadConfig(sources: {
  file?: string | undefined;
  flags?: TrainOptions | undefined;
}): Promise<TrainConfig> {
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
  return checkOptions(schema, options, where) as TrainOptions;
}

function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
