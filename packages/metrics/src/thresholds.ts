/**
 * Every threshold of {@link diagnose}, with its reason. "The recipe" is the reference library's example on MNIST (49 tokens an image,
 * 1,000 steps of 256 images), measured with our quantizers over windows of five batches.
 */
export const diagnosisThresholds = {
  /** Usage is not judged below this many tokens in the window: a single picture legitimately has few codes. */
  leastTokens: 1000,
  /**
   * Used codes over those that N uniform draws would use. The recipe lies at 0.57 (FSQ), 0.88 (SimVQ) and 0.99 (LFQ) after 300 steps
   * and above 0.9 at its end; plain VQ with K = 65,536 on ImageNet at 0.014 to 0.045 (arXiv:2411.02038, table of the official README).
   */
  lowUtilization: 0.2,
  /** Below 5 % most of the codebook never takes part; the VQ runs just named lie here. */
  collapsedUtilization: 0.05,
  /**
   * Perplexity that means collapse although codes are nominally used: less than one bit per token. Judged for K >= 8. The recipe ends
   * at 29 to 36 (FSQ, SimVQ: most of a digit is background); SimVQ on speech fell to 1.02 of 256 (arXiv:2602.17133).
   */
  collapsedPerplexity: 2,
  smallestJudgedCodebook: 8,
  /**
   * |q|/|z| (geometric mean) below 1/10: the latents have outgrown their codes. The recipe lies between 0.54 and 1.05; LFQ without
   * norm layer, spherical and commitment reaches 1/78 in 250 steps at ten times its learning rate, 1/1,200 in 300.
   */
  shortCodes: 0.1,
  /** Latents a hundred times as long as their codes: only an unbounded run gets there. */
  veryShortCodes: 0.01,
  /** Growth of rms(z) since the start, judged only without codes: latents start small, the recipe's grow by factors of 2 to 8. */
  rmsGrowth: 100,
  /**
   * Per-sample entropy per bit, nats. The recipe's LFQ has 2.5e-2, unit-variance latents at inverse temperature 100 have 3e-3; 1e-4 means that only about
   * 1 bit in 1,600 has a logit within ±10, beyond which p (1 - p) is below 5e-5.
   */
  saturatedEntropyPerBit: 1e-4,
  /** Saturation is harmless once the batch entropy has arrived: judged only below this share of what it can reach. */
  reachedEntropy: 0.95,
  /** Nats by which ln N + per-sample entropy may miss ln K through rounding: N = K is enough in principle. */
  entropyRounding: 1e-6,
  /** Share of pairs more than 90° apart. A random direction gives 0.5; the recipe's SimVQ 0.067 untrained, below 1e-4 after 100 steps. */
  obtuseShare: 0.05,
  /** A fifth of all tokens, three times an untrained codebook. */
  manyObtuse: 0.2,
  /** |q|/|z| above 10: the rotation trick multiplies the gradient by this ratio. */
  longCodes: 10,
  /** Share of latents that are exactly zero: an encoder with biases gives none, zero padding gives its own share. */
  zeroLatents: 0.01,
  /** A bit with a share of ones below 1 % (or above 99 %) carries less than 0.081 of its 1 bit. */
  deadBitShare: 0.01,
  /** Effective rank over its maximum, judged where that is at least 8. The recipe's SimVQ ends at 15 of 32. */
  lowRank: 0.1,
  smallestJudgedRank: 8,
} as const;
