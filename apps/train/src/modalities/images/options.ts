import { OptionError } from '@vqkit/core-tensor';
import { LONGEST_SIDE, requireDivisible } from '@vqkit/data';
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

const DEFAULT: Pick<ImageConfig, 'data'> = { data: 'mnist' };

/** What a run on images has beside what all runs have. */
export const imageOptions: ModalityOptions<ImageConfig> = {
  own: inGroup('Images', {
    imageSize: field(
      count(4).max(LONGEST_SIDE),
      'Height and width in pixels, a multiple of 2^(number of widths). Default 64 for a folder, whose images are cropped and resized; IDX data have their own.',
    ),
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
      'Channels of the encoder, one entry per halving of the image; the decoder mirrors them.',
      RECIPE.widths,
    ),
    normGroups: field(
      count(0),
      `Groups of the GroupNorm before the quantizer, 0 for none. Default ${defaultNormGroups()}.`,
    ),
    clampOutput: field(
      z.boolean(),
      'Clamps the output to [-1, 1] before the loss. The test always does.',
      RECIPE.clampOutput,
    ),
  }),
  defaults({ preset, data = DEFAULT.data }) {
    const fromPreset = preset === undefined || data === 'vectors' ? {} : presets[preset].options(data);
    return { ...DEFAULT, ...RECIPE, quantizer: 'lfq', ...fromPreset };
  },
  check(where, { data, dataPath, imageSize, widths }) {
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
    requireDivisible(where, imageSize, widths.length);
  },
};
