import { type KernelFunc, type NamedTensorInfoMap, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { BitEntropyAttrs } from '@vqkit/core-tensor';
import type { DeviceBackend } from '../backend.ts';
import { type Operand, output, type Program, release, rowsWithin, run } from '../program.ts';
import { EXP_NEGATIVE, LOGARITHMS, SIGMOID } from '../wgsl.ts';

/** Log-odds beyond which a bit has no entropy in float32; keeps infinities out of the arithmetic and lets NaN through. */
const SATURATED = `
fn saturated(z : f32) -> f32 {
  return select(select(z, 120.0, z > 120.0), -120.0, z < -120.0);
}`;
const DECLARATIONS = `${EXP_NEGATIVE}\n\n${LOGARITHMS}\n\n${SIGMOID}\n${SATURATED}`;
/** Below it a probability has the logarithm of this. */
const SMALLEST = '1.2e-38';
/** Floats of the halves' probabilities that exist at a time. */
const CHUNK_FLOATS = 2 ** 22;
/** Terms of one sum: one long float32 sum would lose digits. */
const SHORT_SUM = 32;

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

/** One code per thread: -avg log avg. */
export const ENTROPY_TERMS: Program = {
  name: 'EntropyTerms',
  inputs: { average: 'f32' },
  outputs: { terms: 'f32' },
  declarations: LOGARITHMS,
  body: `terms[row] = -average[row] * logNormal(max(average[row], ${SMALLEST}));`,
};

/** One code per thread: the gradient of the outputs in avg, centred at the entropy (see the definition). */
export const AVERAGE_SLOPE: Program = {
  name: 'AverageSlope',
  inputs: { average: 'f32', entropy: 'f32', dEntropy: 'f32', dAverage: 'f32' },
  outputs: { slope: 'f32' },
  declarations: LOGARITHMS,
  body: `slope[row] = dAverage[row] - (logNormal(max(average[row], ${SMALLEST})) + entropy[0]) * dEntropy[0];`,
};

/** One value of one half of one token per thread: p ∂/∂p, the sum over the values of the other half. */
export const HALF_SLOPE: Program = {
  name: 'HalfSlope',
  inputs: { own: 'f32', other: 'f32', slope: 'f32' },
  outputs: { terms: 'f32' },
  params: { ownBits: 'u32', otherBits: 'u32', ownStep: 'u32', otherStep: 'u32' },
  body: `
let flat = params.first + row;
let token = flat >> params.ownBits;
let start = (flat & ((1u << params.ownBits) - 1u)) * params.ownStep;
var total = 0.0;
for (var i = 0u; i < (1u << params.otherBits); i++) {
  total += other[(token << params.otherBits) + i] * slope[start + i * params.otherStep];
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

interface Inputs extends NamedTensorInfoMap {
  readonly logits: TensorInfo;
  readonly sampleWeights: TensorInfo;
  readonly batchWeights: TensorInfo;
}

/** Log-odds [N, d] → per-sample entropy, codebook entropy, average probabilities [2^d]; see the definition in core-tensor. */
export const bitEntropy: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { logits, sampleWeights, batchWeights } = call.inputs as Inputs;
  const { codebook } = call.attrs as unknown as BitEntropyAttrs;
  const [tokens, dim] = logits.shape as [number, number];
  if (tokens === 0) return [zeros(backend, []), zeros(backend, []), zeros(backend, [codebook ? 2 ** dim : 0])];
  const entropies = output(backend, [tokens], 'float32');
  const each = {
    logits: { tensor: logits, perRow: dim },
    weights: { tensor: sampleWeights, perRow: 1 },
    entropies: { tensor: entropies, perRow: 1 },
  };
  run(backend, SAMPLE_ENTROPY, tokens, each, { dim });
  const perSample = sumOf(backend, entropies);
  if (!codebook) return [perSample, zeros(backend, []), zeros(backend, [0])];

  const average = output(backend, [2 ** dim], 'float32');
  eachChunk(backend, logits, ({ firstToken, count, a, b }) => {
    const operands = {
      a: { tensor: a },
      b: { tensor: b },
      weights: { tensor: batchWeights, perRow: 1, from: firstToken, rows: count },
      average: { tensor: average, perRow: 1 },
    };
    run(backend, AVERAGE_PROBABILITIES, 2 ** dim, operands, { tokens: count, ...halves(dim), firstToken });
  });
  const terms = output(backend, [2 ** dim], 'float32');
  const byCode = { average: { tensor: average, perRow: 1 }, terms: { tensor: terms, perRow: 1 } };
  run(backend, ENTROPY_TERMS, 2 ** dim, byCode);
  return [perSample, sumOf(backend, terms), average];
};

interface GradInputs extends Inputs {
  readonly dPerSample: TensorInfo;
  readonly dEntropy: TensorInfo;
  readonly dAverage: TensorInfo;
  readonly entropy: TensorInfo;
  readonly average: TensorInfo;
}

/** The gradient of the three outputs in the log-odds, [N, d]. */
export const bitEntropyGrad: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { logits, sampleWeights, batchWeights, dPerSample, dEntropy, dAverage, entropy, average } =
    call.inputs as GradInputs;
  const { codebook } = call.attrs as unknown as BitEntropyAttrs;
  const [tokens, dim] = logits.shape as [number, number];
  const dLogits = output(backend, [tokens, dim], 'float32');
  const bits = { logits: { tensor: logits, perRow: 1 }, dLogits: { tensor: dLogits, perRow: 1 } };
  if (!codebook || tokens === 0) {
    const operands = { ...bits, sampleWeights: { tensor: sampleWeights }, dPerSample: { tensor: dPerSample } };
    run(backend, bitSlopeProgram(false), tokens * dim, operands, { dim });
    return [dLogits];
  }
  const slope = output(backend, [2 ** dim], 'float32');
  const byCode = {
    average: { tensor: average, perRow: 1 },
    entropy: { tensor: entropy },
    dEntropy: { tensor: dEntropy },
    dAverage: { tensor: dAverage, perRow: 1 },
    slope: { tensor: slope, perRow: 1 },
  };
  run(backend, AVERAGE_SLOPE, 2 ** dim, byCode);
  const { highBits, lowBits } = halves(dim);
  eachChunk(backend, logits, ({ firstToken, count, a, b }) => {
    const half = (own: TensorInfo, other: TensorInfo, params: Record<string, number>): TensorInfo => {
      const terms = output(backend, own.shape, 'float32');
      const operands = {
        own: { tensor: own },
        other: { tensor: other },
        slope: { tensor: slope },
        terms: { tensor: terms, perRow: 1 },
      };
      run(backend, HALF_SLOPE, util.sizeFromShape(own.shape), operands, params);
      return terms;
    };
    const high = half(a, b, { ownBits: highBits, otherBits: lowBits, ownStep: 2 ** lowBits, otherStep: 1 });
    const low = half(b, a, { ownBits: lowBits, otherBits: highBits, ownStep: 1, otherStep: 2 ** lowBits });
    const perToken = (tensor: TensorInfo): Operand => ({ tensor, perRow: 1, from: firstToken, rows: count });
    const operands = {
      logits: { tensor: logits, perRow: 1, from: firstToken * dim },
      dLogits: { tensor: dLogits, perRow: 1, from: firstToken * dim },
      sampleWeights: perToken(sampleWeights),
      batchWeights: perToken(batchWeights),
      dPerSample: { tensor: dPerSample },
      high: { tensor: high },
      low: { tensor: low },
    };
    run(backend, bitSlopeProgram(true), count * dim, operands, { dim, highBits, lowBits });
    release(backend, high, low);
  });
  release(backend, slope);
  return [dLogits];
};

function halves(dim: number): { highBits: number; lowBits: number } {
  const highBits = Math.ceil(dim / 2);
  return { highBits, lowBits: dim - highBits };
}

/** Some tokens, and the probabilities of the values of both halves of their code, [count, 2^bits]. */
interface Chunk {
  readonly firstToken: number;
  readonly count: number;
  readonly a: TensorInfo;
  readonly b: TensorInfo;
}

function eachChunk(backend: DeviceBackend, logits: TensorInfo, use: (chunk: Chunk) => void): void {
  const [tokens, dim] = logits.shape as [number, number];
  const { highBits, lowBits } = halves(dim);
  const size = rowsWithin(backend, Math.max(2 ** highBits, 2 * dim), CHUNK_FLOATS);
  for (let firstToken = 0; firstToken < tokens; firstToken += size) {
    const count = Math.min(size, tokens - firstToken);
    const probabilities = output(backend, [count, dim, 2], 'float32');
    const operands = {
      logits: { tensor: logits, perRow: dim, from: firstToken },
      probabilities: { tensor: probabilities, perRow: 2 * dim },
    };
    run(backend, BIT_PROBABILITIES, count, operands, { dim });
    const half = (firstBit: number, bits: number): TensorInfo => {
      const values = output(backend, [count, 2 ** bits], 'float32');
      const products = { probabilities: { tensor: probabilities }, half: { tensor: values, perRow: 1 } };
      run(backend, HALF_PROBABILITIES, count * 2 ** bits, products, { dim, firstBit, bits });
      return values;
    };
    const [a, b] = [half(0, highBits), half(highBits, lowBits)];
    use({ firstToken, count, a, b });
    release(backend, probabilities, a, b);
  }
}

/** Σ of a vector, which it disposes. */
function sumOf(backend: DeviceBackend, terms: TensorInfo): TensorInfo {
  const [count = 1] = terms.shape;
  const rest = Math.ceil(count / SHORT_SUM);
  const sums = output(backend, rest === 1 ? [] : [rest], 'float32');
  run(backend, SUM_TERMS, rest, { terms: { tensor: terms }, sums: { tensor: sums, perRow: 1 } }, { count });
  release(backend, terms);
  return rest === 1 ? sums : sumOf(backend, sums);
}

function zeros(backend: DeviceBackend, shape: number[]): TensorInfo {
  return backend.makeTensorInfo(shape, 'float32', new Float32Array(util.sizeFromShape(shape)));
}
