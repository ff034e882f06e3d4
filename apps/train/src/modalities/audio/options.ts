import { OptionError } from '@vqkit/core-tensor';
import { count, field, inGroup } from '@vqkit/schema';
import { z } from 'zod';
import {
  checkDiscriminator,
  discriminatorDefaults,
  discriminatorFields,
  featureFields,
  SOUND_FILTERS,
} from '../../discriminator.ts';
import type { ModalityOptions } from '../../modality.ts';
import { SPEECH, speech } from '../../presets/speech.ts';
import type { AudioConfig } from '../../train-options.ts';
import { latentWidthField } from '../vectors/options.ts';

/** The rate rises over so many steps, or over a tenth of a short training. */
const MOST_WARMUP = 100;

/** What a run on sound has beside what all runs have. */
export const audioOptions: ModalityOptions<AudioConfig> = {
  archs: {
    seanet: {
      text: 'convolutions along the sound with residual units (SoundStream, EnCodec, DAC)',
      own: [],
    },
  },
  own: {
    ...inGroup('Sound', {
      sampleRate: field(
        count(1000).max(192_000),
        'Sample rate in Hz; all recordings are resampled to it.',
        SPEECH.sampleRate,
      ),
      stereo: field(z.boolean(), 'Two channels instead of their mean.', SPEECH.stereo),
      seconds: field(
        z.number().positive().max(60),
        'Length of a training segment, rounded to whole tokens.',
        SPEECH.seconds,
      ),
      filters: field(count(1), 'Channels of the first convolution; every stride doubles them.', SPEECH.filters),
      strides: field(
        z.array(count(2).max(64)).min(1).max(8),
        'Downsampling of each encoder block; a token covers their product in samples.',
        SPEECH.strides,
      ),
      dilations: field(
        z.array(count(1)).min(1).max(8),
        'Dilations of the residual units in each block.',
        SPEECH.dilations,
      ),
      snake: field(z.boolean(), 'The snake activation instead of ELU.', SPEECH.snake),
      causal: field(z.boolean(), 'No token depends on a later sample, so the tokenizer can stream.', SPEECH.causal),
      latentWidth: latentWidthField,
      waveWeight: field(z.number().min(0), 'Loss weight of the waveform difference.', SPEECH.waveWeight),
      stftWeight: field(z.number().min(0), 'Loss weight of the multi-resolution STFT loss.', SPEECH.stftWeight),
      melWeight: field(z.number().min(0), 'Loss weight of the mel distance.', SPEECH.melWeight),
    }),
    ...discriminatorFields,
    ...featureFields,
  },
  defaults(given) {
    const { preset, quantizer, steps = SPEECH.steps } = given;
    const judged = discriminatorDefaults(given, SOUND_FILTERS, true);
    const own = preset === undefined ? {} : speech({ quantizer });
    const warmupSteps = Math.min(MOST_WARMUP, Math.floor(steps / 10));
    return { data: 'audio', arch: 'seanet', warmupSteps, ...SPEECH, ...judged, ...own };
  },
  check(where, config) {
    const { dataPath } = config;
    checkDiscriminator(where, config);
    if (dataPath !== undefined) return;
    const fix = 'Pass a folder of WAV, FLAC, Ogg or MP3.';
    throw new OptionError(where, 'dataPath', "be given for data 'audio'", undefined, fix);
  },
};
