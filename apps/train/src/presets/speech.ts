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
  quantizer: 'residual-fsq',
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
  learningRate: 3e-3,
  schedule: 'cosine',
  clipGradNorm: 1,
};

/** What the preset says of codes: 40 bits a token, and the case of the article. */
const CODES: readonly Pick<AudioConfig, 'quantizer' | 'quantizerOptions'>[] = [
  { quantizer: 'residual-fsq', quantizerOptions: { levels: [8, 5, 5, 5], numQuantizers: 4 } },
  { quantizer: 'simvq', quantizerOptions: { codebookSize: 8192, commitmentWeight: 1000 } },
];

/**
 * Residual FSQ, 8,000 bits a second, which gave the waveform back where SimVQ did not. With quantizer `simvq` the case of the article on it, its commitment weight for audio; the flag --no-rotation
 * then turns the rotation trick off. docs/answers/speech-tokenizer.md compares them.
 *
 * Source: Zhu and others, "Addressing Representation Collapse in Vector Quantized Models with One Linear Layer" (SimVQ), arXiv:2411.02038.
 */
export function speech({ quantizer = SPEECH.quantizer }: Pick<AudioOptions, 'quantizer'>): AudioOptions {
  return CODES.find((codes) => codes.quantizer === quantizer) ?? {};
}
