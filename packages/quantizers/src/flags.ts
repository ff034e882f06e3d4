/** A flag of the command line for an option of some quantizers. */
export interface QuantizerFlag {
  readonly type: 'integer' | 'number' | 'boolean' | 'array' | 'string';
  readonly choices?: readonly string[];
  readonly description: string;
}

/** Such as `codebookSize`, typed `--codebook-size`. */
export type FlagName =
  | 'levels'
  | 'bound'
  | 'codebookSize'
  | 'dim'
  | 'entropyWeight'
  | 'commitmentWeight'
  | 'invTemperature'
  | 'spherical'
  | 'bitOrder'
  | 'rotation';

/** The options of quantizers that are used most, as flags. What is none is set by `--set quantizerOptions.name=value`. */
export const QUANTIZER_FLAGS: Readonly<Record<FlagName, QuantizerFlag>> = {
  levels: { type: 'array', description: 'Levels of each feature of a code, such as 8,6,5.' },
  bound: {
    type: 'string',
    choices: ['reference', 'official', 's3Tokenizer', 'hardClamp'],
    description: 'Which bounding function.',
  },
  codebookSize: { type: 'integer', description: 'Number of codes.' },
  dim: { type: 'integer', description: 'Features of a token before the quantizer.' },
  entropyWeight: { type: 'number', description: 'Weight of the entropy loss.' },
  commitmentWeight: { type: 'number', description: 'Weight of the commitment loss.' },
  invTemperature: { type: 'number', description: 'Inverse temperature of the entropies.' },
  spherical: { type: 'boolean', description: 'Puts latents and codes on a sphere.' },
  bitOrder: {
    type: 'string',
    choices: ['msbFirst', 'lsbFirst'],
    description: 'Whether feature 0 is the most or the least significant bit of a token id.',
  },
  rotation: {
    type: 'boolean',
    description: 'Passes the gradient by the rotation trick instead of straight-through.',
  },
};
