import type { ExamplePairs, LatentHistograms } from '@vqkit/training';

/** One line of metrics.jsonl as the page takes it: only what is drawn, and no number that is not finite. */
export interface LiveRecord {
  readonly kind: 'train' | 'validation';
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

/** What the page must know of a run's configuration. */
export interface LiveConfig {
  readonly quantizer: string;
  readonly data: string;
  readonly steps: number;
  readonly batchSize: number;
  readonly engine: string;
  /** Samples per second of a run on sound, else 0. */
  readonly sampleRate: number;
  /** Of FSQ, how many each feature has. */
  readonly levels: readonly number[];
}

/** What the diagnosis found from a step on. */
export interface LiveDiagnosis {
  readonly step: number;
  readonly found: readonly {
    readonly problem: string;
    readonly severity: string;
    readonly evidence: string;
    readonly remedy: string;
  }[];
}

/** How the codes of one codebook are used; only those that ever were. */
export interface LiveCodebook {
  readonly codebookSize: number;
  readonly codes: readonly number[];
  readonly counts: readonly number[];
  /** Step of the newest validation that had each. */
  readonly lastUsed: readonly number[];
}

/** Examples and what became of them. */
export interface LiveExamples extends ExamplePairs {
  readonly ids: readonly number[];
}

/** What the server tells of a run while it follows it. */
export type LiveEvent =
  | { readonly kind: 'config'; readonly config: LiveConfig }
  /** What was told of the curves before holds no more: the run was resumed, or begun anew. */
  | { readonly kind: 'reset' }
  | { readonly kind: 'records'; readonly records: readonly LiveRecord[] }
  | {
      readonly kind: 'snapshot';
      readonly step: number;
      readonly codebooks: readonly LiveCodebook[];
      /** Of runs that recorded it. */
      readonly latents?: LatentHistograms | undefined;
      readonly diagnoses: readonly LiveDiagnosis[];
      readonly examples?: LiveExamples | undefined;
    }
  /** `problem` where something cannot be read; it is tried again. */
  | {
      readonly kind: 'state';
      readonly state: 'training' | 'finished' | 'failed' | 'problem' | 'gone';
      readonly message: string;
    };

/** An event of one of the runs that are shown, by its number there. */
export interface RunEvent {
  readonly run: number;
  readonly event: LiveEvent;
}
