import { OptionError } from '@vqkit/core-tensor';
import { type ImageSize, LONGEST_SIDE, requireDivisible, sidesOf } from '@vqkit/data';
import {
  arePictures,
  DEFAULT_CACHE_MB,
  DEFAULT_FOLDER_SIZE,
  FITS,
  type Fit,
  isImageData,
  requireDataPath,
} from '@vqkit/data/node';
import { QUANTIZERS } from '@vqkit/quantizers';
import { count, field, inGroup } from '@vqkit/schema';
import { z } from 'zod';
import { checkDiscriminator, discriminatorDefaults, discriminatorFields, IMAGE_FILTERS } from '../../discriminator.ts';
import type { ModalityOptions } from '../../modality.ts';
import { largerThan, presets, RECIPE } from '../../presets.ts';
import type { ImageConfig, TrainConfig } from '../../train-options.ts';

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

const DEFAULT: Pick<ImageConfig, 'data' | 'arch' | 'flip' | 'cacheMb' | 'ssimWeight' | 'gradientWeight'> = {
  data: 'mnist',
  arch: 'conv',
  flip: false,
  cacheMb: DEFAULT_CACHE_MB,
  ssimWeight: 0,
  gradientWeight: 0,
};

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
/** Of architectures that do not train as the recipe does, and whose rate rises first. */
const ARCH_DEFAULTS: Partial<Record<TrainConfig['arch'], Partial<ImageConfig>>> = {
  resnet: { ...RESNET, arch: 'resnet' },
};
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
  "How a picture of another shape is fitted: 'crop' cuts two sides, 'pad' adds two black borders. Default crop.",
);

/** What a run on images has beside what all runs have. */
export const imageOptions: ModalityOptions<ImageConfig> = {
  archs: {
    conv: { text: "the small one of the reference library's examples", own: ['normGroups'] },
    resnet: {
      text: `VQGAN's residual blocks, which train in batches of ${RESNET.batchSize} by '${RESNET.loss}' at a learning rate of ${RESNET.learningRate} that ends on a ${RESNET.schedule}`,
      own: ['blocks', 'attention', 'groups'],
      fastest: 'wasm',
    },
  },
  own: {
    ...inGroup('Images', {
      imageSize: field(
        imageSizeType,
        'Height and width in pixels, or one number for squares: multiples of 2^(number of widths). Default 64 for a folder, whose images are resized; IDX data have their own.',
      ),
      fit: fitField,
      cropFrom: field(
        imageSizeType,
        'For a folder: resizes training pictures to this; each batch takes random crops of the image size. Default none.',
      ),
      flip: field(z.boolean(), 'Mirrors a random half of the training images.', DEFAULT.flip),
      cacheMb: field(
        count(0),
        'For a folder: MB of decoded pictures kept in memory. Beyond that, or beyond 16,384 pictures, they are decoded during training.',
        DEFAULT.cacheMb,
      ),
      workers: field(count(1), 'Threads that decode such a folder. Default one less than the cores, at most 4.'),
      channels: field(
        z.union([z.literal(1), z.literal(3)]),
        '1 for grey, 3 for RGB. Default 3 for a folder, 1 for IDX data.',
      ),
      testSize: field(count(1), 'Images held out for the test if the data have no test part. Default a tenth.'),
      widths: field(
        z.array(count(1)).min(1).max(16),
        `Channels of the encoder, one entry per halving of the image; the decoder mirrors them. For 'resnet' ${RESNET.widths} by default.`,
        RECIPE.widths,
      ),
      normGroups: field(
        count(0),
        `For 'conv': groups of the GroupNorm before the quantizer, 0 for none. Default ${defaultNormGroups()}.`,
      ),
      blocks: field(count(1).max(16), `For 'resnet': residual blocks per width.`, RESNET.blocks),
      attention: field(z.boolean(), "For 'resnet': self-attention at the lowest resolution.", RESNET.attention),
      groups: field(
        count(1),
        "For 'resnet': groups of the norms, a divisor of every width. Default as many as leave 4 channels per group, at most 32.",
      ),
      ssimWeight: field(
        z.number().min(0),
        'Weight of 1 - MS-SSIM, the multi-scale structural similarity, added to the loss.',
        DEFAULT.ssimWeight,
      ),
      gradientWeight: field(
        z.number().min(0),
        'Weight of the L1 distance between image gradients, added to the loss: sharper edges.',
        DEFAULT.gradientWeight,
      ),
      clampOutput: field(
        z.boolean(),
        'Clamps the output to [-1, 1] before the loss. The test always does.',
        RECIPE.clampOutput,
      ),
    }),
    ...discriminatorFields,
  },
  defaults(given) {
    const { preset, steps, data: name = DEFAULT.data } = given;
    const data = isImageData(name) ? name : DEFAULT.data;
    const fromPreset = (preset && presets[preset].options?.(data, given)) ?? {};
    const judged = discriminatorDefaults(given, IMAGE_FILTERS, false);
    const whole = { ...DEFAULT, ...RECIPE, quantizer: 'lfq', ...judged, ...fromPreset } as const;
    const { arch = whole.arch } = given;
    const own = ARCH_DEFAULTS[arch];
    if (own === undefined) return whole;
    const total = steps ?? (whole.steps || Number.POSITIVE_INFINITY);
    const warmupSteps = Math.min(MOST_WARMUP, Math.floor(total / 10));
    return { ...whole, ...own, warmupSteps, ...fromPreset, arch: own.arch ?? whole.arch };
  },
  check(where, config) {
    const { data, dataPath, imageSize, cropFrom, fit, widths } = config;
    checkDiscriminator(where, config);
    requireDataPath(where, data, dataPath);
    for (const [name, value] of Object.entries(arePictures(data) ? {} : { fit, cropFrom })) {
      if (value === undefined) continue;
      throw new OptionError(where, name, `not be given with data '${data}'`, value, 'Leave it out.');
    }
    requireLarger(where, cropFrom, imageSize);
    requireDivisible(where, imageSize, widths.length);
  },
};

/** Throws unless parts of the image size can be cut out. */
function requireLarger(
  where: string,
  cropFrom: ImageSize | undefined,
  imageSize: ImageSize = DEFAULT_FOLDER_SIZE,
): void {
  if (cropFrom === undefined) return;
  const [[height, width], [down, across]] = [sidesOf(cropFrom), sidesOf(imageSize)];
  if (height >= down && width >= across) return;
  const rule = `be at least the imageSize, ${down} × ${across}, along both sides`;
  throw new OptionError(where, 'cropFrom', rule, cropFrom, `Use for example ${largerThan(imageSize)}.`);
}
