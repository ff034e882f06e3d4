import type { TokenEvaluation } from './evaluate.ts';
import type { TracePoint, TrainingRun } from './train-tokens.ts';

/** What a page may follow over the steps of a training, by the name that results files have. */
export type Quantity =
  | 'rms'
  | 'norm'
  | 'angle'
  | 'obtuseShare'
  | 'commitment'
  | 'relativeCommitment'
  | 'utilization'
  | 'perplexityShare'
  | 'perSampleEntropy'
  | 'codebookEntropy'
  | 'lossGradient'
  | 'encoderGradient';

const OF: Readonly<Record<Quantity, (point: TracePoint) => number | null | undefined>> = {
  rms: ({ probe }) => probe?.latents.rms,
  norm: ({ probe }) => probe?.latents.norm,
  angle: ({ probe }) => probe?.latents.angle,
  obtuseShare: ({ probe }) => probe?.latents.obtuseShare,
  commitment: ({ probe }) => probe?.latents.error,
  relativeCommitment: ({ probe }) => probe?.latents.relativeError,
  utilization: ({ probe }) => probe?.utilization,
  perplexityShare: ({ probe }) => probe?.perplexityShare,
  perSampleEntropy: ({ losses }) => losses.perSampleEntropy,
  codebookEntropy: ({ losses }) => losses.codebookEntropy,
  lossGradient: ({ lossGradient }) => lossGradient,
  encoderGradient: ({ gradients }) => gradients.encoder,
};

/** The steps that were traced, and the quantities that are followed there; null where one was not finite or is not there. */
type Trace = { readonly step: readonly number[] } & {
  readonly [name in Quantity]?: readonly (number | null)[];
};

/** A training as results files have it. */
export interface KeptRun extends Pick<TrainingRun, 'divergedAt' | 'test'> {
  readonly trace: Trace;
  readonly busyTest?: TokenEvaluation;
}

/** Of a whole run what pages need: of its trace the quantities that they follow. */
export function keptRun({ divergedAt, trace, test, busyTest }: TrainingRun, followed: readonly Quantity[]): KeptRun {
  const columns = followed.map((name) => [name, trace.map((point) => OF[name](point) ?? null)] as const);
  return {
    divergedAt,
    trace: { step: trace.map(({ step }) => step), ...Object.fromEntries(columns) },
    test,
    ...(busyTest === null ? {} : { busyTest }),
  };
}

/**
 * A quantity at the points of a trace.
 * @throws Error where the experiment did not say that it follows it.
 */
export function traceOf({ trace }: KeptRun, quantity: Quantity): readonly (number | null)[] {
  const values = trace[quantity];
  if (values !== undefined) return values;
  throw new Error(`a trace does not follow ${quantity}: name it where the cell is trained`);
}
