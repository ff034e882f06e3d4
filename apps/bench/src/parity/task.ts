export const ENGINES = ['cpu', 'wasm', 'wasm-threads', 'native', 'webgpu'] as const;
export type EngineName = (typeof ENGINES)[number];

export const QUANTIZERS = ['fsq', 'lfq', 'simvq', 'vq', 'exact', 'exact-ties'] as const;
export type QuantizerName = (typeof QUANTIZERS)[number];

/** What one process does: encode as many random vectors on one engine, and compare the ids with those of float64. */
export interface ParityTask {
  readonly engine: EngineName;
  readonly quantizer: QuantizerName;
  readonly tokens: number;
}

/** How many differences are listed one by one. */
export const MOST_LISTED = 100_000;

/** What came of it. */
export interface ParityFound {
  /** The engine and its version. */
  readonly title: string;
  readonly tokens: number;
  /** Ids that differ from the reference. */
  readonly differences: number;
  /** Of the first of them: the position of the vector, the id, and by how many ulp the reference's decision was taken. */
  readonly listed: readonly (readonly [position: number, id: number, ulps: number])[];
  readonly seconds: number;
}

/** Why an engine does not run here. */
export interface EngineMissing {
  readonly missing: string;
}
