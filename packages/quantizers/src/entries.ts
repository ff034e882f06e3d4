import { fsq, residualFsq } from './entries/fsq.ts';
import { lfq, residualLfq } from './entries/lfq.ts';
import { residualSimVq, simvq } from './entries/simvq.ts';
import { residualVq, vq } from './entries/vq.ts';
import type { QuantizerEntry } from './entry.ts';

/** The name of a quantizer that stands in the registry. */
export type QuantizerName =
  | 'lfq'
  | 'fsq'
  | 'simvq'
  | 'vq'
  | 'residual-lfq'
  | 'residual-fsq'
  | 'residual-simvq'
  | 'residual-vq';

/**
 * Every quantizer by name, in the order of tables and help. One that stands here is known to the tokenizer, the command line, the report, the
 * diagnosis and the benchmarks.
 */
export const QUANTIZERS: Readonly<Record<QuantizerName, QuantizerEntry>> = {
  lfq,
  fsq,
  simvq,
  vq,
  'residual-lfq': residualLfq,
  'residual-fsq': residualFsq,
  'residual-simvq': residualSimVq,
  'residual-vq': residualVq,
};
