import { type KernelFunc, type NamedTensorInfoMap, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { BitEntropyAttrs } from '@vqkit/core-tensor';
import type { DeviceBackend } from '../backend.ts';
import { type Operand, output, release, rowsWithin, run } from '../program.ts';
import {
  AVERAGE_PARTS,
  AVERAGE_PROBABILITIES,
  AVERAGE_SLOPE,
  AVERAGE_SUMS,
  BIT_PROBABILITIES,
  bitSlopeProgram,
  ENTROPY_TERMS,
  HALF_PROBABILITIES,
  HALF_SLOPE,
  SAMPLE_ENTROPY,
  SHORT_SUM,
  SUM_TERMS,
} from './bit-entropy-programs.ts';

/** Floats of the halves' probabilities that exist at a time, and of short sums over the tokens. */
const CHUNK_FLOATS = 2 ** 22;
const PART_FLOATS = 2 ** 24;
/** Codes from which on one thread per code keeps a large graphics processor busy. */
const MANY_CODES = 2 ** 17;

const BIT_SLOPE = { sample: bitSlopeProgram(false), both: bitSlopeProgram(true) } as const;

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
    const weights = { tensor: batchWeights, perRow: 1, from: firstToken, rows: count };
    const operands = { a: { tensor: a }, b: { tensor: b }, weights, average: { tensor: average, perRow: 1 } };
    const sums = Math.ceil(count / SHORT_SUM);
    if (2 ** dim >= MANY_CODES || sums === 1 || sums * 2 ** dim > rowsWithin(backend, 1, PART_FLOATS)) {
      run(backend, AVERAGE_PROBABILITIES, 2 ** dim, operands, { tokens: count, ...halves(dim), firstToken });
      return;
    }
    const parts = output(backend, [sums, 2 ** dim], 'float32');
    const inner = { ...operands, parts: { tensor: parts, perRow: 1 } };
    run(backend, AVERAGE_PARTS, sums * 2 ** dim, inner, { tokens: count, ...halves(dim) });
    const outer = { ...operands, parts: { tensor: parts } };
    run(backend, AVERAGE_SUMS, 2 ** dim, outer, { codes: 2 ** dim, count: sums, firstToken });
    release(backend, parts);
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
    run(backend, BIT_SLOPE.sample, tokens * dim, operands, { dim });
    return [dLogits];
  }
  const { highBits, lowBits } = halves(dim);
  const slope = output(backend, [2 ** dim], 'float32');
  const exchanged = output(backend, [2 ** dim], 'float32');
  const byCode = {
    average: { tensor: average, perRow: 1 },
    entropy: { tensor: entropy },
    dEntropy: { tensor: dEntropy },
    dAverage: { tensor: dAverage, perRow: 1 },
    slope: { tensor: slope, perRow: 1 },
    exchanged: { tensor: exchanged },
  };
  run(backend, AVERAGE_SLOPE, 2 ** dim, byCode, { highBits, lowBits });
  eachChunk(backend, logits, ({ firstToken, count, a, b }) => {
    const half = (own: TensorInfo, other: TensorInfo, by: TensorInfo, params: Record<string, number>): TensorInfo => {
      const terms = output(backend, own.shape, 'float32');
      const operands = {
        own: { tensor: own },
        other: { tensor: other },
        slope: { tensor: by },
        terms: { tensor: terms, perRow: 1 },
      };
      run(backend, HALF_SLOPE, util.sizeFromShape(own.shape), operands, params);
      return terms;
    };
    const high = half(a, b, exchanged, { ownBits: highBits, otherBits: lowBits });
    const low = half(b, a, slope, { ownBits: lowBits, otherBits: highBits });
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
    run(backend, BIT_SLOPE.both, count * dim, operands, { dim, highBits, lowBits });
    release(backend, high, low);
  });
  release(backend, slope, exchanged);
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
