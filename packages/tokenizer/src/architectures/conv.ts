import { OptionError, requireInteger } from '@vqkit/core-tensor';
import { createActivation, createConv2d, createGroupNorm, createMaxPool2d, type Module, type Scope } from '@vqkit/nn';
import { images } from '../modalities/images.ts';
import type { Architecture } from './architecture.ts';
import { requireImageSize, requireWidths } from './image-options.ts';

export interface ConvConfig {
  /** Channels of the encoder, one entry per halving of the image; the decoder mirrors them. */
  readonly widths: readonly number[];
  /** Groups of the GroupNorm before the quantizer, 0 for none. */
  readonly normGroups: number;
  /** Channels of an image: 1 for grey, 3 for RGB. */
  readonly channels: number;
  /** Height and width of the images that it was trained on; missing where nobody said. */
  readonly imageSize?: readonly [height: number, width: number] | undefined;
}

/**
 * The small autoencoder for images of the reference library's examples, for any number of halvings. With widths [16, 32] and one channel:
 *
 *     encoder   conv3 1→16, max pool, GELU, conv3 16→32, max pool
 *     to code   GroupNorm without weights where the quantizer's example has it; conv1 32→dim where the quantizer is not as wide
 *     from code conv3 dim→32 where there is a to_code
 *     decoder   upsample, conv3 32→16, GELU, upsample, conv3 16→1
 */
export const conv: Architecture<ConvConfig> = {
  name: 'conv',
  modality: images,
  keys: ['widths', 'normGroups', 'channels', 'imageSize'],
  complete(where, { widths = [16, 32], channels = 1, imageSize, normGroups }, quantizer) {
    requireWidths(where, widths);
    return {
      widths: [...widths],
      normGroups: normGroups ?? quantizer.normGroups,
      channels,
      ...(imageSize === undefined ? {} : { imageSize }),
    };
  },
  check(where, { widths, normGroups, channels, imageSize }) {
    requireWidths(where, widths);
    requireInteger(where, 'channels', channels, 1);
    if (imageSize !== undefined) requireImageSize(where, imageSize, 2 ** widths.length);
    requireInteger(where, 'normGroups', normGroups, 0);
    const top = widths.at(-1) as number;
    if (normGroups > 0 && top % normGroups !== 0) {
      throw new OptionError(
        where,
        'normGroups',
        `divide the last of widths, ${top}`,
        normGroups,
        `Use for example ${top % 4 === 0 ? 4 : 1}.`,
      );
    }
  },
  latentWidth: ({ widths }) => widths.at(-1) as number,
  channels: ({ channels }) => channels,
  multiple: ({ widths }) => 2 ** widths.length,
  build(scope, { widths, normGroups, channels }, { dim, ownWidth }) {
    const top = widths.at(-1) as number;
    const projects = ownWidth || dim !== top;
    const conv3 = (at: Scope, inputs: number, outputs: number, upsample: 1 | 2 = 1): Module =>
      createConv2d(at, { inputs, outputs, kernel: 3, upsample });

    const down = scope.at('encoder');
    const encoder = widths.flatMap((width, i): Module[] => {
      const convolve = conv3(down.at(`conv${i + 1}`), widths[i - 1] ?? channels, width);
      const pool = createMaxPool2d(down.at(`pool${i + 1}`));
      return i === 0 ? [convolve, pool] : [createActivation(down.at(`act${i}`), 'gelu'), convolve, pool];
    });
    if (normGroups > 0) {
      encoder.push(createGroupNorm(scope.at('norm'), { channels: top, groups: normGroups, affine: false }));
    }
    if (projects) encoder.push(createConv2d(scope.at('to_code'), { inputs: top, outputs: dim, kernel: 1 }));

    const up = scope.at('decoder');
    const decoder = projects ? [conv3(scope.at('from_code'), dim, top)] : [];
    for (const [i, width] of [...widths].reverse().entries()) {
      if (i > 0) decoder.push(createActivation(up.at(`act${i}`), 'gelu'));
      decoder.push(conv3(up.at(`conv${i + 1}`), width, widths[widths.length - 2 - i] ?? channels, 2));
    }
    return { encoder, decoder };
  },
};
