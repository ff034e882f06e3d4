import type { AudioConfig, AudioOptions } from '../train-options.ts';

type SpeechOptions =
  | 'quantizer'
  | 'sampleRate'
  | 'stereo'
  | 'seconds'
  | 'filters'
  | 'strides'
  | 'dilations'
  | 'snake'
  | 'causal'
  | 'waveWeight'
  | 'stftWeight'
  | 'melWeight'
  | 'loss'
  | 'batchSize'
  | 'steps'
  | 'learningRate'
  | 'schedule'
  | 'clipGradNorm';

/** What runs on sound do where nothing else is said: 200 tokens a second at 16 kHz. */
export const SPEECH: Pick<AudioConfig, SpeechOptions> = {
  quantizer: 'simvq',
  sampleRate: 16_000,
  stereo: false,
  seconds: 0.5,
  filters: 16,
  strides: [4, 4, 5],
  dilations: [1, 3, 9],
  snake: false,
  causal: false,
  waveWeight: 10,
  stftWeight: 1,
  melWeight: 1,
  loss: 'l1',
  batchSize: 16,
  steps: 2000,
  learningRate: 1e-3,
  schedule: 'cosine',
  clipGradNorm: 1,
};

/**
 * The case of the article on SimVQ for speech: SimVQ with its commitment weight for audio. The flag --no-rotation turns the rotation trick off.
 *
 * Source: Zhu and others, "Addressing Representation Collapse in Vector Quantized Models with One Linear Layer" (SimVQ), arXiv:2411.02038.
 */
export function speech({ quantizer = SPEECH.quantizer }: Pick<AudioOptions, 'quantizer'>): AudioOptions {
  if (quantizer !== SPEECH.quantizer) return {};
  return { quantizerOptions: { codebookSize: 8192, commitmentWeight: 1000 } };
}
