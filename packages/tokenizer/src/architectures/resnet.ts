import { requireBoolean, requireInteger, requireOption } from '@vqkit/core-tensor';
import {
  createActivation,
  createAttention,
  createConv2d,
  createGroupNorm,
  createResnetBlock,
  type Module,
  type Scope,
} from '@vqkit/nn';
import { images } from '../modalities/images.ts';
import type { Architecture } from './architecture.ts';
import { requireImageSize, requireWidths } from './image-options.ts';

export interface ResnetConfig {
  /** Channels of the encoder, one entry per halving of the image; the decoder mirrors them. */
  readonly widths: readonly number[];
  /** Residual blocks of each width. */
  readonly blocks: number;
  /** Whether the places of the smallest image attend to each other. */
  readonly attention: boolean;
  /** Groups of the norms, a divisor of every width. */
  readonly groups: number;
  /** Channels of an image: 1 for grey, 3 for RGB. */
  readonly channels: number;
  /** Height and width of the images that it was trained on; missing where nobody said. */
  readonly imageSize?: readonly [height: number, width: number] | undefined;
}

/** Blocks of one width. */
const MOST_BLOCKS = 16;

/**
 * The residual autoencoder of VQGAN and of LlamaGen's tokenizer, for any number of halvings. With widths [64, 128] and one block of each:
 *
 *     encoder   conv3 3→64, block 64, conv3 64→64 with stride 2, block 64→128, conv3 128→128 with stride 2,
 *               block 128, (attention,) block 128, GroupNorm, SiLU, conv3 128→dim
 *     decoder   conv3 dim→128, block 128, (attention,) block 128, block 128, nearest × 2 and conv3 128→128,
 *               block 128→64, nearest × 2 and conv3 64→64, GroupNorm, SiLU, conv3 64→3
 *
 * A block is GroupNorm, SiLU, conv3, GroupNorm, SiLU, conv3, added to its input. Names and padding are those of the official code; unlike there
 * the decoder has as many blocks of a width as the encoder, not one more, images are halved after every width, also the last, and `conv_out`
 * goes to the codes itself, without a `quant_conv` behind it.
 *
 * Source: Esser, Rombach, Ommer, "Taming Transformers", arXiv:2012.09841; Sun and others, "LlamaGen", arXiv:2406.06525.
 */
export const resnet: Architecture<ResnetConfig> = {
  name: 'resnet',
  modality: images,
  keys: ['widths', 'blocks', 'attention', 'groups', 'channels', 'imageSize'],
  complete(where, { widths = [32, 64], blocks = 1, attention = false, groups, channels = 3, imageSize }) {
    requireWidths(where, widths);
    return {
      widths: [...widths],
      blocks,
      attention,
      groups: groups ?? defaultGroups(widths),
      channels,
      ...(imageSize === undefined ? {} : { imageSize }),
    };
  },
  check(where, { widths, blocks, attention, groups, channels, imageSize }) {
    requireWidths(where, widths);
    requireInteger(where, 'blocks', blocks, 1, MOST_BLOCKS);
    requireBoolean(where, 'attention', attention);
    requireInteger(where, 'groups', groups, 1);
    const divides = widths.every((width) => width % groups === 0);
    const common = widths.reduce(commonDivisor, 32);
    requireOption(divides, where, 'groups', `a divisor of all widths, ${widths.join(', ')}`, groups, `Use ${common}.`);
    requireInteger(where, 'channels', channels, 1);
    if (imageSize !== undefined) requireImageSize(where, imageSize, 2 ** widths.length);
  },
  latentWidth: ({ widths }) => widths.at(-1) as number,
  channels: ({ channels }) => channels,
  multiple: ({ widths }) => 2 ** widths.length,
  build(scope, { widths, blocks, attention, groups, channels }, { dim }) {
    const [bottom, top] = [widths[0] as number, widths.at(-1) as number];
    const conv3 = (at: Scope, inputs: number, outputs: number): Module =>
      createConv2d(at, { inputs, outputs, kernel: 3 });
    const level = (at: Scope, inputs: number, outputs: number): Module[] =>
      Array.from({ length: blocks }, (_, i) =>
        createResnetBlock(at.at('block').at(i), { inputs: i === 0 ? inputs : outputs, outputs, groups }),
      );
    const middle = (at: Scope): Module[] => [
      createResnetBlock(at.at('block_1'), { inputs: top, outputs: top, groups }),
      ...(attention ? [createAttention(at.at('attn_1'), { channels: top, groups })] : []),
      createResnetBlock(at.at('block_2'), { inputs: top, outputs: top, groups }),
    ];
    const last = (at: Scope, inputs: number, outputs: number): Module[] => [
      createGroupNorm(at.at('norm_out'), { channels: inputs, groups, epsilon: 1e-6 }),
      createActivation(at.at('act_out'), 'silu'),
      conv3(at.at('conv_out'), inputs, outputs),
    ];

    const encoder = scope.at('encoder');
    const down = widths.flatMap((width, i): Module[] => {
      const at = encoder.at('down').at(i);
      // As in the official code: a row and a column of zeros behind.
      const halving = { inputs: width, outputs: width, kernel: 3, stride: 2, padding: [0, 1] as const };
      return [...level(at, widths[i - 1] ?? bottom, width), createConv2d(at.at('downsample').at('conv'), halving)];
    });
    const decoder = scope.at('decoder');
    const up = [...widths].reverse().flatMap((width, i): Module[] => {
      const at = decoder.at('up').at(widths.length - 1 - i);
      const before = widths[widths.length - i] ?? top;
      const doubling = { inputs: width, outputs: width, kernel: 3, upsample: 2 } as const;
      return [...level(at, before, width), createConv2d(at.at('upsample').at('conv'), doubling)];
    });
    return {
      encoder: [
        conv3(encoder.at('conv_in'), channels, bottom),
        ...down,
        ...middle(encoder.at('mid')),
        ...last(encoder, top, dim),
      ],
      decoder: [
        conv3(decoder.at('conv_in'), dim, top),
        ...middle(decoder.at('mid')),
        ...up,
        ...last(decoder, bottom, channels),
      ],
    };
  },
};

/**
 * At most 32, as in the official code, and of 4 channels or more where widths allow it, as there too: a group of one channel would lose how bright
 * an image is.
 */
function defaultGroups(widths: readonly number[]): number {
  const common = widths.reduce(commonDivisor);
  return commonDivisor(common % 4 === 0 ? common / 4 : common, 32);
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
