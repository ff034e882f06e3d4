/** What the quantizer of one feature does; one entry per feature. Plain numbers, so that every engine can hold them. */
export interface FsqAttrs {
  /** Number of levels L_i. */
  readonly levels: readonly number[];
  /** L_i - 1 ascending float32 thresholds per feature: level >= j exactly when z >= thresholds[i][j - 1]. */
  readonly thresholds: readonly (readonly number[])[];
  /** code = (level - center) · step, one float32 rounding. */
  readonly centers: readonly number[];
  readonly steps: readonly number[];
  /** d code / d z = slope · (1 - tanh²(z + shift)), or slope where |z + shift| <= 1 with a hard clamp. */
  readonly shifts: readonly number[];
  readonly slopes: readonly number[];
  readonly hardClamp: boolean;
  /** Weight of each feature's level in the index: 1, L_0, L_0·L_1, … (feature 0 is the least significant digit). */
  readonly basis: readonly number[];
}
