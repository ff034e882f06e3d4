import type { Program } from '../program.ts';
import { EXP_NEGATIVE, IS_NAN, LOGARITHMS, SIGMOID } from '../wgsl.ts';

/**
 * Log-odds beyond which a bit has no entropy in float32; keeps infinities out of the arithmetic and lets NaN through: by its bits, because a
 * device may clamp it like any other number.
 */
const SATURATED = `
fn saturated(z : f32) -> f32 {
  let bits = bitcast<u32>(z);
  if (isNaN(bits)) { return bitcast<f32>(bits | 0x400000u); }
  return clamp(z, -120.0, 120.0);
}`;
const DECLARATIONS = `${IS_NAN}\n\n${EXP_NEGATIVE}\n\n${LOGARITHMS}\n\n${SIGMOID}\n${SATURATED}`;
/** Below it a probability has the logarithm of this. */
const SMALLEST = '1.2e-38';
/** Terms of one sum: one long float32 sum would lose digits. */
export const SHORT_SUM = 32;

/** One token per thread: Σ_i H_b(σ(z_i)), weighted. */
export const SAMPLE_ENTROPY: Program = {
  name: 'SampleEntropy',
  inputs: { logits: 'f32', weights: 'f32' },
  outputs: { entropies: 'f32' },
  params: { dim: 'u32' },
  declarations: DECLARATIONS,
  body: `
var entropy = 0.0;
for (var i = 0u; i < params.dim; i++) {
  let size = abs(saturated(logits[row * params.dim + i]));
  let e = expNegative(-size);
  entropy += logOnePlus(e) + size * (e / (1.0 + e));
}
entropies[row] = entropy * weights[row];`,
};

/** One short sum per thread. */
export const SUM_TERMS: Program = {
  name: 'SumTerms',
  inputs: { terms: 'f32' },
  outputs: { sums: 'f32' },
  params: { count: 'u32' },
  body: `
let start = (params.first + row) * ${SHORT_SUM}u;
var total = 0.0;
for (var i = start; i < min(start + ${SHORT_SUM}u, params.count); i++) {
  total += terms[i];
}
sums[row] = total;`,
};

/** One token per thread: σ(z_i) and σ(-z_i) of each bit. */
export const BIT_PROBABILITIES: Program = {
  name: 'BitProbabilities',
  inputs: { logits: 'f32' },
  outputs: { probabilities: 'f32' },
  params: { dim: 'u32' },
  declarations: DECLARATIONS,
  body: `
for (var at = row * params.dim; at < (row + 1u) * params.dim; at++) {
  let z = saturated(logits[at]);
  let e = expNegative(-abs(z));
  probabilities[2u * at] = sigmoid(-z, e);
  probabilities[2u * at + 1u] = sigmoid(z, e);
}`,
};

/** One value of \`bits\` bits of one token per thread: the product of their probabilities, the first bit most significant. */
export const HALF_PROBABILITIES: Program = {
  name: 'HalfProbabilities',
  inputs: { probabilities: 'f32' },
  outputs: { half: 'f32' },
  params: { dim: 'u32', firstBit: 'u32', bits: 'u32' },
  body: `
let flat = params.first + row;
let token = flat >> params.bits;
var product = 1.0;
for (var i = 0u; i < params.bits; i++) {
  let bit = (flat >> (params.bits - 1u - i)) & 1u;
  product *= probabilities[2u * (token * params.dim + params.firstBit + i) + bit];
}
half[row] = product;`,
};

/** One code per thread: Σ_n w_n A_n(a) B_n(b), added to that of the chunks before. */
export const AVERAGE_PROBABILITIES: Program = {
  name: 'AverageProbabilities',
  inputs: { a: 'f32', b: 'f32', weights: 'f32' },
  outputs: { average: 'f32' },
  params: { tokens: 'u32', highBits: 'u32', lowBits: 'u32', firstToken: 'u32' },
  body: `
let code = params.first + row;
let high = code >> params.lowBits;
let low = code & ((1u << params.lowBits) - 1u);
var total = 0.0;
for (var start = 0u; start < params.tokens; start += ${SHORT_SUM}u) {
  var part = 0.0;
  for (var n = start; n < min(start + ${SHORT_SUM}u, params.tokens); n++) {
    part += weights[n] * a[(n << params.highBits) + high] * b[(n << params.lowBits) + low];
  }
  total += part;
}
if (params.firstToken > 0u) { total += average[row]; }
average[row] = total;`,
};

/** One short sum of one code per thread: the inner sums of {@link AVERAGE_PROBABILITIES}, where codes are too few to keep a device busy. */
export const AVERAGE_PARTS: Program = {
  name: 'AverageProbabilities',
  inputs: { a: 'f32', b: 'f32', weights: 'f32' },
  outputs: { parts: 'f32' },
  params: { tokens: 'u32', highBits: 'u32', lowBits: 'u32' },
  body: `
let flat = params.first + row;
let bits = params.highBits + params.lowBits;
let high = (flat & ((1u << bits) - 1u)) >> params.lowBits;
let low = flat & ((1u << params.lowBits) - 1u);
let start = (flat >> bits) * ${SHORT_SUM}u;
var part = 0.0;
for (var n = start; n < min(start + ${SHORT_SUM}u, params.tokens); n++) {
  part += weights[n] * a[(n << params.highBits) + high] * b[(n << params.lowBits) + low];
}
parts[row] = part;`,
};

/** One code per thread: its short sums in their order, added to what the chunks before gave. */
export const AVERAGE_SUMS: Program = {
  name: 'AverageProbabilities',
  inputs: { parts: 'f32' },
  outputs: { average: 'f32' },
  params: { codes: 'u32', count: 'u32', firstToken: 'u32' },
  body: `
var total = 0.0;
for (var part = 0u; part < params.count; part++) {
  total += parts[part * params.codes + params.first + row];
}
if (params.firstToken > 0u) { total += average[row]; }
average[row] = total;`,
};

/** One code per thread: -avg log avg. */
export const ENTROPY_TERMS: Program = {
  name: 'EntropyTerms',
  inputs: { average: 'f32' },
  outputs: { terms: 'f32' },
  declarations: LOGARITHMS,
  body: `terms[row] = -average[row] * logNormal(max(average[row], ${SMALLEST}));`,
};

/**
 * One code per thread: the gradient of the outputs in avg, centred at the entropy (see the definition); and once more with the halves of the
 * code exchanged, so that threads side by side find what they read side by side.
 */
export const AVERAGE_SLOPE: Program = {
  name: 'AverageSlope',
  inputs: { average: 'f32', entropy: 'f32', dEntropy: 'f32', dAverage: 'f32' },
  outputs: { slope: 'f32', exchanged: 'f32' },
  params: { highBits: 'u32', lowBits: 'u32' },
  declarations: LOGARITHMS,
  body: `
let code = params.first + row;
let low = code & ((1u << params.lowBits) - 1u);
let own = dAverage[row] - (logNormal(max(average[row], ${SMALLEST})) + entropy[0]) * dEntropy[0];
slope[row] = own;
exchanged[(low << params.highBits) + (code >> params.lowBits)] = own;`,
};

/** One value of one half of one token per thread: p ∂/∂p, the sum over the values of the other half. */
export const HALF_SLOPE: Program = {
  name: 'HalfSlope',
  inputs: { own: 'f32', other: 'f32', slope: 'f32' },
  outputs: { terms: 'f32' },
  params: { ownBits: 'u32', otherBits: 'u32' },
  body: `
let flat = params.first + row;
let token = flat >> params.ownBits;
let value = flat & ((1u << params.ownBits) - 1u);
var total = 0.0;
for (var i = 0u; i < (1u << params.otherBits); i++) {
  total += other[(token << params.otherBits) + i] * slope[(i << params.ownBits) + value];
}
terms[row] = own[flat] * total;`,
};

/** One bit of one token per thread. Without the codebook entropy, only the slope of the bit's own entropy. */
export function bitSlopeProgram(codebook: boolean): Program {
  const ofSample = `
let flat = params.first + row;
let token = flat / params.dim;
let z = saturated(logits[row]);
let e = expNegative(-abs(z));
let one = sigmoid(z, e);
let zero = sigmoid(-z, e);
let ofSample = -z * one * zero * sampleWeights[token] * dPerSample[0];`;
  if (!codebook) {
    return {
      name: 'BitEntropyGrad',
      inputs: { logits: 'f32', sampleWeights: 'f32', dPerSample: 'f32' },
      outputs: { dLogits: 'f32' },
      params: { dim: 'u32' },
      declarations: DECLARATIONS,
      body: `${ofSample}\ndLogits[row] = ofSample;`,
    };
  }
  return {
    name: 'BitEntropyGrad',
    inputs: { logits: 'f32', sampleWeights: 'f32', batchWeights: 'f32', dPerSample: 'f32', high: 'f32', low: 'f32' },
    outputs: { dLogits: 'f32' },
    params: { dim: 'u32', highBits: 'u32', lowBits: 'u32' },
    declarations: DECLARATIONS,
    body: `${ofSample}
let bit = flat % params.dim;
var sums = vec2<f32>();
if (bit < params.highBits) {
  for (var value = 0u; value < (1u << params.highBits); value++) {
    sums[(value >> (params.highBits - 1u - bit)) & 1u] += high[(token << params.highBits) + value];
  }
} else {
  for (var value = 0u; value < (1u << params.lowBits); value++) {
    sums[(value >> (params.dim - 1u - bit)) & 1u] += low[(token << params.lowBits) + value];
  }
}
dLogits[row] = ofSample + (zero * sums[1] - one * sums[0]) * batchWeights[token];`,
  };
}
