import { createRng } from '@vqkit/core-tensor';

/** Smallest probability inside the logarithm of the clamped form. */
export const EPS: number = 1e-5;
export const TOKENS: number = 512;
/** How the batch entropy can be computed. */
export const FORMS: readonly ['exact', 'clamped', 'bound'] = ['exact', 'clamped', 'bound'];
export type Form = (typeof FORMS)[number];

/** Log-odds to compare them on. */
export interface Case {
  readonly bits: number;
  readonly rms: number;
  /** Bits follow 4 common factors; otherwise they are independent. */
  readonly factors: boolean;
}

/** Values and gradients of the three forms. */
export interface Comparison extends Case {
  readonly value: Readonly<Record<Form, number>>;
  /** Norm of the gradient in the log-odds. */
  readonly gradient: Readonly<Record<Form, number>>;
  /** Cosine with the exact gradient. */
  readonly cosine: Readonly<Record<Form, number>>;
}

/** The three forms in float64, by brute force over all codes. */
export function compareForms(setting: Case): Comparison {
  const { bits, rms, factors } = setting;
  const rng = createRng(bits);
  const mix = Array.from({ length: bits }, () => Array.from({ length: 4 }, () => rng.normal() / 2));
  const logits = Array.from({ length: TOKENS }, () => {
    const common = Array.from({ length: 4 }, () => rng.normal());
    return mix.map(
      (row) =>
        rms * (factors ? row.reduce((total, weight, i) => total + weight * (common[i] as number), 0) : rng.normal()),
    );
  });
  const average = new Float64Array(2 ** bits);
  for (const z of logits) {
    const p = codeProbabilities(z);
    for (let c = 0; c < p.length; c++) average[c] = (average[c] as number) + (p[c] as number) / TOKENS;
  }
  const shares = mix.map((_, i) => logits.reduce((total, z) => total + logistic(z[i] as number) / TOKENS, 0));
  const exact = average.map((p) => (p > 0 ? -p * Math.log(p) : 0)).reduce((a, b) => a + b, 0);
  const clamped = average.map((p) => -p * Math.log(Math.max(p, EPS))).reduce((a, b) => a + b, 0);
  const bound = shares.reduce(
    (total, m) => total + (m > 0 && m < 1 ? -m * Math.log(m) - (1 - m) * Math.log(1 - m) : 0),
    0,
  );
  const gradients: Record<Form, number[]> = { exact: [], clamped: [], bound: [] };
  const slopes = {
    exact: average.map((p) => (p > 0 ? -(Math.log(p) + 1) : 0)),
    clamped: average.map((p) => -(Math.log(Math.max(p, EPS)) + (p > EPS ? 1 : 0))),
  };
  for (const z of logits) {
    const p = codeProbabilities(z);
    gradients.exact.push(...chain(slopes.exact, p, z));
    gradients.clamped.push(...chain(slopes.clamped, p, z));
    gradients.bound.push(
      ...z.map((each, i) => {
        const m = shares[i] as number;
        return (Math.log((1 - m) / m) * logistic(each) * logistic(-each)) / TOKENS;
      }),
    );
  }
  const length = (g: readonly number[]): number => Math.sqrt(g.reduce((total, each) => total + each * each, 0));
  const cosine = (g: readonly number[]): number =>
    g.reduce((total, each, i) => total + each * (gradients.exact[i] as number), 0) /
    (length(g) * length(gradients.exact));
  const each = (of: (form: Form) => number): Record<Form, number> => ({
    exact: of('exact'),
    clamped: of('clamped'),
    bound: of('bound'),
  });
  const values = { exact, clamped, bound };
  return {
    ...setting,
    value: each((form) => values[form]),
    gradient: each((form) => length(gradients[form])),
    cosine: each((form) => cosine(gradients[form])),
  };
}

/** p(c) of all 2^d codes for one token, most significant bit first. */
function codeProbabilities(z: readonly number[]): Float64Array {
  let p = Float64Array.of(1);
  for (const each of z) {
    const next = new Float64Array(2 * p.length);
    const [one, zero] = [logistic(each), logistic(-each)];
    for (let c = 0; c < p.length; c++) {
      next[2 * c] = (p[c] as number) * zero;
      next[2 * c + 1] = (p[c] as number) * one;
    }
    p = next;
  }
  return p;
}

/** ∂/∂z_i of Σ_c slope(c) p(c) / N, with ∂p(c)/∂z_i = p(c) (bit_i(c) - σ(z_i)). The sums over half of the codes come by folding. */
function chain(slope: Float64Array, p: Float64Array, z: readonly number[]): number[] {
  let weights = p.map((each, c) => each * (slope[c] as number));
  const total = weights.reduce((a, b) => a + b, 0);
  const gradient: number[] = [];
  for (const each of z) {
    const half = weights.length / 2;
    let ones = 0;
    const folded = new Float64Array(half);
    for (let c = 0; c < half; c++) {
      ones += weights[half + c] as number;
      folded[c] = (weights[c] as number) + (weights[half + c] as number);
    }
    gradient.push((ones - logistic(each) * total) / TOKENS);
    weights = folded;
  }
  return gradient;
}

function logistic(z: number): number {
  return 1 / (1 + Math.exp(-z));
}
