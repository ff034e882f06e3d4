export const ENGINES = ['cpu', 'wasm', 'wasm-threads', 'native', 'webgpu'] as const;
export type EngineName = (typeof ENGINES)[number];

export const QUANTIZERS = ['fsq', 'lfq', 'simvq', 'vq', 'exact', 'exact-ties'] as const;
export type QuantizerName = (typeof QUANTIZERS)[number];

/** Vectors that are encoded together. */
export const CHUNK = 65_536;

/** What one process does: encode as many random vectors on one engine, and compare the ids with those of float64. */
export interface ParityTask {
  readonly engine: EngineName;
  readonly quantizer: QuantizerName;
  readonly tokens: number;
}

/** Which ids of float64 one process finds: those of every `step`-th chunk from the `start`-th on. */
export interface ReferenceTask {
  readonly quantizer: QuantizerName;
  readonly tokens: number;
  readonly start: number;
  readonly step: number;
  readonly files: ExpectedFiles;
}

/** The ids of float64 as int32, and the codes that they are of as float32. */
export interface ExpectedFiles {
  readonly ids: string;
  readonly codes: string;
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
  /** Of making the vectors, encoding and comparing them; the ids of float64 come from elsewhere. */
  readonly seconds: number;
}

/** Why an engine does not run here. */
export interface EngineMissing {
  readonly missing: string;
}
