/** What one process does: fit one quantizer to vectors on so many threads, encode them, and say what was lost. */
export interface VectorTask {
  /** An .npy file. */
  readonly path: string;
  /** Codebooks of 256 codes: 8 bits each. */
  readonly codebooks: number;
  readonly threads: number;
  readonly repetitions: number;
  /** Rows that k-means places the codes on, and passes over all rows after that. */
  readonly sample: number;
  readonly passes: number;
}

/** What it found. Times are of the wall clock and of all processors together, in milliseconds. */
export interface VectorTimes {
  /** Σ|x - x̂|² / Σ|x - mean|². */
  readonly error: number;
  readonly train: Spent;
  /** Of every repetition over all rows. */
  readonly encode: readonly Spent[];
}

export interface Spent {
  readonly wall: number;
  readonly processor: number;
}
