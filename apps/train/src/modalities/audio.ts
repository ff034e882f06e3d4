import {
  audioTensors,
  createAudioTokenizer,
  isAudioConfig,
  recreateAudioTokenizer,
  type Tokenizer,
} from '@vqkit/tokenizer';
import { type EvaluatedTokens, evaluate } from '@vqkit/training';
import type { HarnessModality } from '../modality.ts';
import type { AudioConfig } from '../train-options.ts';
import { type AudioSets, hopOf, readAudio } from './audio/data.ts';
import { listenTo } from './audio/listen.ts';
import { audioOptions } from './audio/options.ts';
import { audioShown, LOGGED } from './audio/shown.ts';
import { createUseMeter } from './audio/use-of-codes.ts';

/** Sound: WAV, FLAC, Ogg and MP3; shown by players and spectrograms. */
export const audio: HarnessModality<AudioConfig, AudioSets> = {
  ...audioTensors,
  // Each run has its own, for its rate: the `scoring` of its data.
  loss: () => {
    throw new Error('the data of a run on sound say how it is scored');
  },
  createMeter: () => {
    throw new Error('the data of a run on sound say how it is scored');
  },
  data: ['audio'],
  presets: ['speech'],
  options: audioOptions,
  read: readAudio,
  create(config, _, isNew) {
    const { quantizer, quantizerOptions, seed, filters, strides, dilations, causal, latentWidth, sampleRate } = config;
    const own = {
      quantizer,
      quantizerOptions,
      seed,
      filters,
      strides,
      dilations,
      activation: config.snake ? ('snake' as const) : ('elu' as const),
      causal,
      channels: config.stereo ? 2 : 1,
      sampleRate,
    };
    const model = isNew
      ? createAudioTokenizer({ ...own, latentWidth })
      : recreateAudioTokenizer({
          ...own,
          architecture: 'seanet',
          latentWidth: latentWidth ?? filters * 2 ** strides.length,
        });
    return model as unknown as Tokenizer;
  },
  resolved({ config }) {
    const { quantizerOptions } = config;
    return isAudioConfig(config) ? { quantizerOptions, latentWidth: config.latentWidth } : { quantizerOptions };
  },
  async test({ config, model, data: { test, clips, scoring }, onExamples, signal }) {
    let done = 0;
    const meter = createUseMeter(model, test, hopOf(config.strides));
    const evaluation = await evaluate(model, test, {
      batchSize: config.batchSize,
      step: config.steps,
      modality: scoring,
      keepPairs: LOGGED,
      signal,
      onTokens(tokens: EvaluatedTokens, examples) {
        meter.add(tokens.indices, done, examples);
        done += examples;
        onExamples?.(done);
      },
    });
    const { sampleRate } = config;
    const channels = config.stereo ? 2 : 1;
    const heard = await listenTo(model, clips, { sampleRate, channels, signal });
    return { evaluation, shown: { audio: { sampleRate, channels, clips: heard, ...meter.report() } } };
  },
  shown: audioShown,
};
