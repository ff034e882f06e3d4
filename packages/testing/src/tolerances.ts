/** Every tolerance of the test suite, with its reason. Relative to the largest magnitude of the expected values. */
export const tolerances = {
  /** Indices and copied codes: integers and exact copies. */
  exact: 0,
  /** float32 arithmetic in another order than the reference: a few ulp, accumulated over short sums. */
  float32: 1e-5,
  /**
   * Losses of a training run on two engines: their rounding errors of 1e-7 grow from step to step, and Adam divides by the size of a gradient
   * that may be near 0.
   */
  training: 1e-3,
  /** Central differences in float32: step 1e-2 leaves about 1e-3 of the gradient. */
  finiteDifference: 5e-3,
  /**
   * Two roundings of a float32 of magnitude 1; times L the error of a probability e^l from float32 logits l of up to L, times the
   * size of terms that cancel what is left of them.
   */
  rounding: 2 ** -23,
  /**
   * Weights and gradients after 50 steps from equal weights on two engines: each step's rounding, multiplied by what follows. Measured on
   * small models: 4e-7 with FSQ and SimVQ, 8e-5 with LFQ, whose entropies have log-odds of 4τ = 400 times the latents.
   */
  fiftySteps: 5e-4,
  /**
   * The share of a tokenizer's ids that differ between two engines: their convolutions add in another order, and a latent within rounding of a
   * boundary goes to the other side. Measured 1e-5 on MNIST, 4e-5 with stacks (docs/LOG.md); tests have some thousand ids, of which one may.
   */
  differingIds: 1e-3,
  /** What networks of magnitude 1 give in onnxruntime and here: sums in another order, other polynomials. Measured 3.6e-6 at most (docs/LOG.md). */
  otherRuntime: 1e-5,
  /** A probability of native TensorFlow's softmax: its vectorised exponential leaves up to 5 units of 2^-24 (20,000 rows, measured). */
  nativeProbability: 5 * 2 ** -24,
  /**
   * The reference library clamps probabilities at 1e-5 inside the logarithm of the LFQ entropies, we do not: up to K · 1e-5 / e nats in
   * an entropy (p ln(1e-5 / p) is largest at p = 1e-5 / e), and 1e-2 … 5e-2 in the gradient. `entropyEps: 1e-5` gives parity.
   */
  clampedEntropy: 5e-2,
} as const;
