import { OptionError } from '@vqkit/core-tensor';
import { count, field, inGroup } from '@vqkit/schema';
import { z } from 'zod';
import type { ModalityOptions } from '../../modality.ts';
import { ACTIVATION_NAMES, type VectorConfig } from '../../train-options.ts';

type Arch = VectorConfig['arch'];

/** Of each kind of network: batch 8,192 of the file's own blocks where nothing else is trained, else AdamW's usual rate with a short warm-up. */
const DEFAULTS = {
  none: { batchSize: 8192, steps: 0, passes: 4 },
  mlp: {
    batchSize: 1024,
    steps: 2000,
    learningRate: 1e-3,
    clipGradNorm: 1,
    hidden: [512, 256, 128],
    activation: 'relu',
  },
} as const satisfies Record<Arch, Partial<VectorConfig>>;
function isArch(name: string | undefined): name is Arch {
  return name !== undefined && Object.hasOwn(DEFAULTS, name);
}

/** Whether there is no network, and the quantizer is fitted to the vectors. */
export function isFitted(arch: Arch): boolean {
  return 'passes' in DEFAULTS[arch];
}

/** Of a network: the rate rises over so many steps, or over a tenth of a short training. */
const MOST_WARMUP = 100;

/** Which rows and where their keys are, wherever vectors are read. */
export const rowFields: { column: z.ZodOptional<z.ZodString>; keyColumn: z.ZodOptional<z.ZodString> } = {
  column: field(z.string().min(1), 'The tensor or the column that holds the vectors. Default the only one.'),
  keyColumn: field(
    z.string().min(1),
    "The tensor or the column of the rows' keys, integers or texts. Default 'key', without one row numbers.",
  ),
};

/** Whether ids get one more that tells equal rows apart. */
export const uniqueField: z.ZodOptional<z.ZodBoolean> = field(
  z.boolean(),
  'Adds a last id that distinguishes rows with equal ids.',
  false,
);

export const latentWidthField: z.ZodOptional<z.ZodNumber> = field(
  count(1),
  "For 'mlp' and 'seanet': width of the latents. Default at most 32, or the vectors' width without hidden layers; for sound at most 64.",
);

/** What a run on vectors has beside what all runs have. */
export const vectorOptions: ModalityOptions<VectorConfig> = {
  archs: {
    none: {
      text: 'fits the quantizer to the vectors, by k-means and moving averages, in batches of 8192',
      own: ['sample', 'passes'],
    },
    mlp: {
      text: 'puts linear layers around it (RQ-VAE), which train 2000 steps of 1024 at a learning rate of 0.001',
      own: [
        'hidden',
        'latentWidth',
        'activation',
        'accumulate',
        'learningRate',
        'weightDecay',
        'betas',
        'eps',
        'warmupSteps',
        'schedule',
        'clipGradNorm',
        'ema',
      ],
    },
  },
  own: inGroup('Vectors', {
    ...rowFields,
    unique: uniqueField,
    hidden: field(
      z.array(count(1)).max(64),
      "For 'mlp': widths of the encoder's hidden layers, which the decoder mirrors.",
      DEFAULTS.mlp.hidden,
    ),
    latentWidth: latentWidthField,
    activation: field(z.enum(ACTIVATION_NAMES), "For 'mlp': activation between the layers.", DEFAULTS.mlp.activation),
    sample: field(count(1), "For 'none': rows in the k-means sample. Default 64 per code."),
    passes: field(
      count(0),
      "For 'none': passes over all rows after k-means; --steps sets it in batches.",
      DEFAULTS.none.passes,
    ),
  }),
  defaults({ arch: given, steps = DEFAULTS.mlp.steps }) {
    // Another is refused by its name.
    const arch = isArch(given) ? given : 'none';
    const warmupSteps = isFitted(arch) ? 0 : Math.min(MOST_WARMUP, Math.floor(steps / 10));
    return { data: 'vectors', quantizer: 'residual-vq', unique: false, arch, warmupSteps, ...DEFAULTS[arch] };
  },
  check(where, { dataPath }) {
    if (dataPath === undefined) {
      throw new OptionError(
        where,
        'dataPath',
        "be given for data 'vectors'",
        undefined,
        'Pass a .npy, .parquet or .safetensors file.',
      );
    }
  },
};
