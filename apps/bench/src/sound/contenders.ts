import { numberText } from '../markdown.ts';
import type { SoundRun, SoundSettings } from './settings.ts';

/** A tokenizer to train. */
export interface Contender {
  readonly name: string;
  readonly quantizer: SoundSettings['quantizer'];
  readonly quantizerOptions: SoundSettings['quantizerOptions'];
  /** Of a token. */
  readonly bits: number;
  /** Whether PyTorch trains it too. */
  readonly twin?: true;
  /** Whether it has a few seeds only, as its difference from the others is large. */
  readonly fewer?: true;
}

/** What its trainings gave. */
export interface Runs extends Contender {
  readonly vqkit: readonly SoundRun[];
  readonly torch: readonly SoundRun[];
}

const simVq = (commitmentWeight: number, rotationTrick: boolean): Contender => ({
  name: `SimVQ, weight ${numberText(commitmentWeight)}, ${rotationTrick ? 'rotation' : 'straight-through'}`,
  quantizer: 'simvq',
  quantizerOptions: { codebookSize: 8192, commitmentWeight, rotationTrick },
  bits: 13,
});
export const RESIDUAL_FSQ: Contender = {
  name: 'residual FSQ, 4 layers',
  quantizer: 'residual-fsq',
  quantizerOptions: { levels: [8, 5, 5, 5], numQuantizers: 4 },
  bits: 4 * Math.log2(1000),
  twin: true,
};
export const ROTATED: Contender = simVq(1000, true);
export const PLAIN: Contender = simVq(1000, false);
export const LIGHT: Contender = { ...simVq(1, true), fewer: true };
export const CONTENDERS: readonly Contender[] = [RESIDUAL_FSQ, ROTATED, PLAIN, LIGHT];

export const TOKENS_PER_SECOND = 200;
