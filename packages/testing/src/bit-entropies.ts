/** What {@link bitEntropies} computes of N tokens of d bits. */
export interface BitEntropies {
  readonly perSample: number;
  readonly codebook: number;
  /** [2^d]. */
  readonly average: Float64Array;
  /** Gradient of `a · perSample + b · codebook + Σ_c c(c) average(c)` in the logits, [N · d]. */
  gradient(a: number, b: number, c?: ArrayLike<number>): Float64Array;
}

/**
 * The entropies of codes of independent bits by brute force over all 2^d codes in float64, nats: the definition, to check kernels
 * against.
 *
 * @param logits log-odds of the bits, [N · d] row by row, the first bit the most significant.
 * @param sampleWeights, batchWeights the share of each token; default 1/N.
 * @param eps smallest probability inside the logarithm, as in vector-quantize-pytorch; default 0, exact.
 */
export function bitEntropies(
  logits: ArrayLike<number>,
  d: number,
  options: { sampleWeights?: ArrayLike<number>; batchWeights?: ArrayLike<number>; eps?: number } = {},
): BitEntropies {
  const n = logits.length / d;
  const equal = new Array<number>(n).fill(1 / n);
  const { sampleWeights = equal, batchWeights = equal, eps = 0 } = options;
  const k = 2 ** d;
  const bit = (code: number, i: number): number => Math.floor(code / 2 ** (d - 1 - i)) % 2;
  const z = (token: number, i: number): number => logits[token * d + i] as number;
  const probabilities = Array.from({ length: n }, (_, token) =>
    Float64Array.from({ length: k }, (_, code) => {
      let p = 1;
      for (let i = 0; i < d; i++) p *= sigma(bit(code, i) === 1 ? z(token, i) : -z(token, i));
      return p;
    }),
  );
  const average = new Float64Array(k);
  probabilities.forEach((p, token) => {
    for (let code = 0; code < k; code++)
      average[code] = (average[code] as number) + (batchWeights[token] as number) * (p[code] as number);
  });
  const entropy = (p: Float64Array): number =>
    p.reduce((sum, value) => (value > 0 ? sum - value * Math.log(Math.max(value, eps)) : sum), 0);
  /** dH/dp of one code. */
  const slope = (p: number): number => (p < eps ? -Math.log(eps) : p > 0 ? -(Math.log(p) + 1) : 0);

  return {
    perSample: probabilities.reduce((sum, p, token) => sum + (sampleWeights[token] as number) * entropy(p), 0),
    codebook: entropy(average),
    average,
    gradient(a, b, c) {
      const dz = new Float64Array(n * d);
      probabilities.forEach((p, token) => {
        const [v, w] = [sampleWeights[token] as number, batchWeights[token] as number];
        for (let code = 0; code < k; code++) {
          const own = p[code] as number;
          const dp = a * v * slope(own) + w * (b * slope(average[code] as number) + (c?.[code] ?? 0));
          for (let i = 0; i < d; i++) {
            // ∂p/∂z is p σ(-z) where the bit is 1 and -p σ(z) where it is 0.
            const rate = bit(code, i) === 1 ? sigma(-z(token, i)) : -sigma(z(token, i));
            dz[token * d + i] = (dz[token * d + i] as number) + dp * own * rate;
          }
        }
      });
      return dz;
    },
  };
}

function sigma(z: number): number {
  return 1 / (1 + Math.exp(-z));
}
