/** Every threshold of {@link diagnose}, with its reason. "Published" runs are named in the README. */
export const diagnosisThresholds = {
  /** Usage is not judged below this many tokens in the window: a single picture legitimately has few codes. */
  leastTokens: 1000,
  /**
   * Used codes over those that N uniform draws would use. Below 0.2: plain VQ in published runs (0.5 to 22 %); healthy runs, skewed
   * data included, stay above 0.4 (FSQ on MNIST: 152 of 240 codes on the worse seed).
   */
  lowUtilization: 0.2,
  /** Below 5 % most of the codebook never takes part: published collapses lie at 0.02 to 4.5 %. */
  collapsedUtilization: 0.05,
  /**
   * Perplexity that means collapse although codes are nominally used: less than one bit per token. Judged for K >= 8. Healthy runs
   * on skewed data are far above (MNIST: 25 to 36 of about 250), a collapsed audio run had 1.02 of 256.
   */
  collapsedPerplexity: 2,
  smallestJudgedCodebook: 8,
  /**
   * |q|/|z| (geometric mean) below 1/10: the latents have outgrown their codes. Healthy runs lie between 0.2 and 2; unbounded LFQ
   * latents reach rms 1,400 to 2,600 for codes of 1.
   */
  shortCodes: 0.1,
  /** Below 1/100 the drift is beyond what a commitment term pulls back. */
  veryShortCodes: 0.01,
  /** Growth of rms(z) since the first update, judged only without codes: initial latents may be small, so a factor 10 is normal. */
  rmsGrowth: 100,
  /**
   * Per-sample entropy per bit, nats. Unit-variance latents at inverse temperature 100 give 3e-3; 1e-4 means that about 1 bit in 2,000
   * still has a gradient.
   */
  saturatedEntropyPerBit: 1e-4,
  /** Saturation is harmless once the batch entropy has arrived: judged only below this share of what it can reach. */
  reachedEntropy: 0.95,
  /** Nats by which ln N + per-sample entropy may miss ln K through rounding: N = K is enough in principle. */
  entropyRounding: 1e-6,
  /** Share of pairs more than 90° apart. A random direction gives 0.5, a fitted codebook 0 to 0.01. */
  obtuseShare: 0.05,
  /** At a fifth of all tokens the rotated gradient is worse than straight-through. */
  manyObtuse: 0.2,
  /** |q|/|z| above 10: the rotation trick multiplies the gradient by this ratio. */
  longCodes: 10,
  /** Share of latents that are exactly zero: encoders with a bias or a norm layer give none, zero padding gives its own share. */
  zeroLatents: 0.01,
  /** A bit with a share of ones below 1 % (or above 99 %) carries less than 0.081 of its 1 bit. */
  deadBitShare: 0.01,
  /** Effective rank over its maximum; judged only when the maximum is at least `smallestJudgedRank`. */
  lowRank: 0.1,
  smallestJudgedRank: 8,
} as const;
