import { OptionError } from '@vqkit/core-tensor';
import { LONGEST_SIDE, requireDivisible } from '@vqkit/data';
import { FITS, type Fit } from '@vqkit/data/node';
import { QUANTIZERS } from '@vqkit/quantizers';
import { count, field, inGroup } from '@vqkit/schema';
import { z } from 'zod';
import type { ModalityOptions } from '../../modality.ts';
import { presets, RECIPE } from '../../presets.ts';
import type { ImageConfig } from '../../train-options.ts';

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

const DEFAULT: Pick<ImageConfig, 'data' | 'arch'> = { data: 'mnist', arch: 'conv' };

/** Of residual blocks, which cost about as much a picture as the recipe's network a batch. */
const RESNET = {
  widths: [32, 64],
  blocks: 1,
  attention: false,
  loss: 'l1',
  batchSize: 16,
  learningRate: 1e-3,
  schedule: 'cosine',
  clipGradNorm: 1,
} as const satisfies Partial<ImageConfig>;
/** The rate rises over so many steps, or over a tenth of a short training. */
const MOST_WARMUP = 100;

const side = count(4).max(LONGEST_SIDE);
/** Height and width, wherever pictures are read. */
export const imageSizeType: z.ZodUnion<[z.ZodInt, z.ZodTuple<[z.ZodInt, z.ZodInt], null>]> = z.union([
  side,
  z.tuple([side, side]),
]);
/** How pictures get into that, wherever they are read. */
export const fitField: z.ZodOptional<z.ZodEnum<{ [Name in Fit]: Name }>> = field(
  z.enum(FITS),
  "How a picture of another shape gets into the size: 'crop' cuts two sides, 'pad' keeps all of it between two black borders. Default crop.",
);

/** What a run on images has beside what all runs have. */
export const imageOptions: ModalityOptions<ImageConfig> = {
  archs: {
    conv: { text: "the small one of the reference library's examples", own: ['normGroups'] },
    resnet: {
      text: `VQGAN's residual blocks, which train in batches of ${RESNET.batchSize} by '${RESNET.loss}' at a learning rate of ${RESNET.learningRate} that ends on a ${RESNET.schedule}`,
      own: ['blocks', 'attention', 'groups'],
    },
  },
  own: inGroup('Images', {
    imageSize: field(
      imageSizeType,
      'Height and width in pixels, or one number for squares: multiples of 2^(number of widths). Default 64 for a folder, whose images are resized; IDX data have their own.',
    ),
    fit: fitField,
    channels: field(
      z.union([z.literal(1), z.literal(3)]),
      '1 for grey, 3 for RGB. Default 3 for a folder, 1 for IDX data.',
    ),
    testSize: field(
      count(1),
      'Images held out for the test where the data have no test part of their own. Default a tenth.',
    ),
    widths: field(
      z.array(count(1)).min(1).max(16),
      `Channels of the encoder, one entry per halving of the image; the decoder mirrors them. Of 'resnet' ${RESNET.widths} by default.`,
      RECIPE.widths,
    ),
    normGroups: field(
      count(0),
      `Of 'conv': groups of the GroupNorm before the quantizer, 0 for none. Default ${defaultNormGroups()}.`,
    ),
    blocks: field(count(1).max(16), `Of 'resnet': residual blocks of each width.`, RESNET.blocks),
    attention: field(
      z.boolean(),
      "Of 'resnet': lets the places of the smallest image attend to each other.",
      RESNET.attention,
    ),
    groups: field(
      count(1),
      "Of 'resnet': groups of the norms, a divisor of every width. Default the largest of 1, 2, 4, … 32 that is one.",
    ),
    clampOutput: field(
      z.boolean(),
      'Clamps the output to [-1, 1] before the loss. The test always does.',
      RECIPE.clampOutput,
    ),
  }),
  defaults({ preset, data: given, arch, steps }) {
    const data = given === undefined || given === 'vectors' || given === 'audio' ? DEFAULT.data : given;
    const fromPreset = preset === undefined || preset === 'speech' ? {} : presets[preset].options(data);
    const whole = { ...DEFAULT, ...RECIPE, quantizer: 'lfq', ...fromPreset } as const;
    if (arch !== 'resnet') return whole;
    const warmupSteps = Math.min(MOST_WARMUP, Math.floor((steps ?? whole.steps) / 10));
    return { ...whole, ...RESNET, ...fromPreset, arch, warmupSteps };
  },
  check(where, { data, dataPath, imageSize, fit, widths }) {
    if (data !== 'mnist' && dataPath === undefined) {
      throw new OptionError(where, 'dataPath', `be given for data '${data}'`, undefined, 'Pass the path of the data.');
    }
    if (data === 'mnist' && dataPath !== undefined) {
      throw new OptionError(
        where,
        'dataPath',
        "not be given with data 'mnist', which comes along",
        dataPath,
        'Leave one of the two out.',
      );
    }
    if (data !== 'folder' && fit !== undefined) {
      throw new OptionError(where, 'fit', `not be given with data '${data}'`, fit, 'Leave it out.');
    }
    requireDivisible(where, imageSize, widths.length);
  },
};
