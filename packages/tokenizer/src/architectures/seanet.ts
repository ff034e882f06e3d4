import { requireBoolean, requireInteger, requireOneOf, requireOption } from '@vqkit/core-tensor';
import {
  createConv1d,
  createConvTranspose1d,
  createResidualUnit,
  createUnitActivation,
  type Module,
  type Scope,
  UNIT_ACTIVATIONS,
  type UnitActivation,
} from '@vqkit/nn';
import { audio } from '../modalities/audio.ts';
import type { Architecture } from './architecture.ts';

export interface SeanetConfig {
  /** Channels of the first convolution; every stride doubles them. */
  readonly filters: number;
  /** By which the encoder shortens the sound, one after the other; the decoder mirrors them. */
  readonly strides: readonly number[];
  /** Of the residual units of each level. */
  readonly dilations: readonly number[];
  readonly activation: UnitActivation;
  /** Whether no sample and no token sees a later sample. */
  readonly causal: boolean;
  /** Width of the encoder's output for quantizers that take any. */
  readonly latentWidth: number;
  /** Channels of the sound: 1 mono, 2 stereo. */
  readonly channels: number;
  /** Samples per second of the sound that it was trained on. */
  readonly sampleRate: number;
}

const MOST_STRIDES = 8;
const MOST_DILATIONS = 8;
const LONGEST_STRIDE = 64;
const LONGEST_DILATION = 1024;
const HIGHEST_RATE = 2 ** 20;

/**
 * The convolutional autoencoder for sound of SoundStream, EnCodec and the Descript Audio Codec, with the latter's order and names. With strides [2, 4] and 16
 * filters, every convolution with weight norm:
 *
 *     encoder   conv7 1→16, units 16, act, conv4 16→32 with stride 2, units 32, act, conv8 32→64 with stride 4, act, conv3 64→dim
 *     decoder   conv7 dim→64, act, transposed conv8 64→32 with stride 4, units 32, act, transposed conv4 32→16 with stride 2,
 *               units 16, act, conv7 16→1
 *
 * A unit is act, conv7 of one dilation, act, conv1, added to its input; the activation is ELU or the snake. `causal` puts all zeros of a convolution before the
 * sound, and cuts off the end of a transposed one. Unlike in any of the three nothing bounds the output, which is clamped in use, and there is no recurrent layer.
 *
 * Source: Zeghidour and others, "SoundStream", arXiv:2107.03312; Défossez and others, "High Fidelity Neural Audio Compression" (EnCodec), arXiv:2210.13438;
 * Kumar and others, "High-Fidelity Audio Compression with Improved RVQGAN" (DAC), arXiv:2306.06546.
 */
export const seanet: Architecture<SeanetConfig> = {
  name: 'seanet',
  modality: audio,
  keys: ['filters', 'strides', 'dilations', 'activation', 'causal', 'latentWidth', 'channels', 'sampleRate'],
  complete(
    where,
    {
      filters = 16,
      strides = [2, 4, 5, 8],
      dilations = [1, 3, 9],
      activation = 'elu',
      causal = false,
      latentWidth,
      channels = 1,
      sampleRate = 16_000,
    },
  ) {
    requireInteger(where, 'filters', filters, 1);
    requireList(where, 'strides', strides, MOST_STRIDES, 2, LONGEST_STRIDE, '[2, 4, 5, 8]');
    return {
      filters,
      strides: [...strides],
      dilations: [...dilations],
      activation,
      causal,
      latentWidth: latentWidth ?? Math.min(64, filters * 2 ** strides.length),
      channels,
      sampleRate,
    };
  },
  check(where, { filters, strides, dilations, activation, causal, latentWidth, channels, sampleRate }) {
    requireInteger(where, 'filters', filters, 1);
    requireList(where, 'strides', strides, MOST_STRIDES, 2, LONGEST_STRIDE, '[2, 4, 5, 8]');
    requireList(where, 'dilations', dilations, MOST_DILATIONS, 1, LONGEST_DILATION, '[1, 3, 9]');
    requireOneOf(where, 'activation', activation, UNIT_ACTIVATIONS);
    requireBoolean(where, 'causal', causal);
    requireInteger(where, 'latentWidth', latentWidth, 1);
    requireInteger(where, 'channels', channels, 1);
    requireInteger(where, 'sampleRate', sampleRate, 1, HIGHEST_RATE);
  },
  latentWidth: ({ latentWidth }) => latentWidth,
  channels: ({ channels }) => channels,
  multiple: ({ strides }) => strides.reduce((product, stride) => product * stride, 1),
  build(scope, { filters, strides, dilations, activation, causal, channels }, { dim }) {
    const padding = causal ? 'causal' : 'same';
    const conv = (at: Scope, inputs: number, outputs: number, kernel: number): Module =>
      createConv1d(at, { inputs, outputs, kernel, padding, weightNorm: true });
    const act = (at: Scope, width: number): Module => createUnitActivation(at, { activation, channels: width });
    const units = (at: Scope, first: number, width: number): Module[] =>
      dilations.map((dilation, i) =>
        createResidualUnit(at.at(first + i), { channels: width, dilation, causal, activation }),
      );
    // Twice the stride wide, with as many zeros as make the length a whole part; of an odd number the larger half before.
    const step = (stride: number) => ({
      kernel: 2 * stride,
      stride,
      padding: causal ? ('causal' as const) : ([Math.ceil(stride / 2), Math.floor(stride / 2)] as const),
      weightNorm: true,
    });
    const widthAt = (level: number): number => filters * 2 ** level;
    const [levels, count] = [strides.length, dilations.length];
    const top = widthAt(levels);

    const down = scope.at('encoder').at('block');
    const encoder = strides.flatMap((stride, i): Module[] => {
      const at = down.at(i + 1).at('block');
      const [inputs, outputs] = [widthAt(i), widthAt(i + 1)];
      return [
        ...units(at, 0, inputs),
        act(at.at(count), inputs),
        createConv1d(at.at(count + 1), { inputs, outputs, ...step(stride) }),
      ];
    });
    const up = scope.at('decoder').at('model');
    const decoder = [...strides].reverse().flatMap((stride, i): Module[] => {
      const at = up.at(i + 1).at('block');
      const [inputs, outputs] = [widthAt(levels - i), widthAt(levels - i - 1)];
      return [
        act(at.at(0), inputs),
        createConvTranspose1d(at.at(1), { inputs, outputs, ...step(stride) }),
        ...units(at, 2, outputs),
      ];
    });
    return {
      encoder: [
        conv(down.at(0), channels, filters, 7),
        ...encoder,
        act(down.at(levels + 1), top),
        conv(down.at(levels + 2), top, dim, 3),
      ],
      decoder: [
        conv(up.at(0), dim, top, 7),
        ...decoder,
        act(up.at(levels + 1), filters),
        conv(up.at(levels + 2), filters, channels, 7),
      ],
    };
  },
};

function requireList(
  where: string,
  name: string,
  list: readonly number[],
  most: number,
  least: number,
  longest: number,
  example: string,
): void {
  const isList = Array.isArray(list) && list.length > 0 && list.length <= most;
  const rule = `a list of 1 to ${most} integers from ${least} to ${longest}`;
  requireOption(isList, where, name, rule, list, `Pass for example ${example}.`);
  for (const [i, value] of list.entries()) requireInteger(where, `${name}[${i}]`, value, least, longest);
}
