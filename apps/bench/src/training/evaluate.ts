import { square, sub, type Tensor2D, tensor } from '@tensorflow/tfjs-core';
import { mean } from '@vqkit/core-tensor';
import { comparesLatents } from '@vqkit/metrics';
import { type EvaluatedTokens, type Examples, evaluate, type Modality, type Trainable } from '@vqkit/training';
import { type Source, varianceOf } from '../data/source.ts';
import type { TokenAutoencoder } from './model.ts';

/** An autoencoder on vectors that it was not trained on. */
export interface TokenEvaluation {
  readonly tokens: number;
  /** Mean squared error of the reconstruction. */
  readonly mse: number;
  /** The same relative to the variance of the data: 1 is no better than the mean. */
  readonly relativeError: number;
  /** 10 log₁₀(range² / mse); null where the data have no range. */
  readonly psnrDb: number | null;
  /** log₂ K, over all codebooks of a token. */
  readonly bitsPerToken: number;
  /** What an ideal entropy coder would need: the entropy of the code frequencies. */
  readonly entropyBits: number;
  readonly usedCodes: number;
  readonly utilization: number;
  /** Used codes over those that as many uniform draws would use. */
  readonly utilizationOfExpected: number;
  readonly perplexity: number;
  /** perplexity / K. */
  readonly perplexityShare: number;
  readonly topCodeShare: number;
  readonly latents: LatentEvaluation;
}

/** Latents z and, where the method compares them with codes in one space, their codes q. */
interface LatentEvaluation {
  /** Root mean square of an element. */
  readonly rms: number;
  /** Mean over the features of the variance over tokens. */
  readonly variance: number;
  /** Mean |z|. */
  readonly norm: number;
  /** Mean (z - q)² of an element: the commitment loss without its weight. */
  readonly error: number | null;
  /** error / Var(z). */
  readonly relativeError: number | null;
  /** Mean angle between z and q, degrees. */
  readonly angle: number | null;
  /** Share of tokens with an angle above 90°. */
  readonly obtuseShare: number | null;
  /** Geometric mean of |q| / |z|. */
  readonly normRatio: number | null;
}

const CHUNK = 2048;

/** Where latents or outputs are not finite, there is nothing to evaluate. */
const NOT_FINITE = new Error('not finite');

/** Vectors as a modality: mean squared error, outputs as they are. */
export const VECTORS: Modality = {
  name: 'vectors of an experiment',
  toTensor: (values, count, shape) => tensor(values, [count, ...shape]),
  fromOutput: (output) => output,
  loss: (output, vectors) => mean(square(sub(output, vectors))),
  createMeter() {
    let [squares, differences, count] = [0, 0, 0];
    return {
      add(vectors, output) {
        if (!output.every(Number.isFinite)) throw NOT_FINITE;
        output.forEach((value, i) => {
          const difference = value - (vectors[i] as number);
          squares += difference ** 2;
          differences += Math.abs(difference);
        });
        count += output.length;
      },
      report: () => ({ l1: differences / count, mse: squares / count, psnrDb: null, ssim: null }),
    };
  },
};

/** Evaluates as in use: no noise and no update of anything. Null when a latent or an output is not finite. */
export async function evaluateTokens(
  model: TokenAutoencoder,
  source: Source,
  vectors: Float32Array,
  step: number,
): Promise<TokenEvaluation | null> {
  const { dim, range } = source;
  const count = vectors.length / dim;
  const paired = comparesLatents(model.quantizer);
  let norms = 0;
  let angles = 0;
  const examples: Examples = {
    count,
    shape: [dim],
    batch: ({ 0: from = 0, length }) => vectors.subarray(from * dim, (from + length) * dim),
  };
  const evaluated: Trainable = {
    quantizer: model.quantizer,
    variables: model.variables,
    // Without its losses, whose entropies nobody asks for here.
    forward: (x, { training }) => ({ ...model.forward(x as Tensor2D, { training, step }), losses: {} }),
  };
  const onTokens = ({ latents, codes = latents, dim: width }: EvaluatedTokens): void => {
    if (!latents.every(Number.isFinite)) throw NOT_FINITE;
    for (let start = 0; start < latents.length; start += width) {
      const { norm, angle } = pairOf(latents, codes, start, width);
      norms += norm;
      angles += angle;
    }
  };
  const options = { batchSize: CHUNK, step, modality: VECTORS, onTokens };
  const evaluation = await evaluate(evaluated, examples, options).catch((error: unknown) => {
    if (error === NOT_FINITE) return null;
    throw error;
  });
  if (evaluation === null) return null;
  const { tracker: report, quality } = evaluation;
  const { latents } = report;
  const { mse } = quality;
  return {
    tokens: count,
    mse: short(mse),
    relativeError: short(mse / varianceOf(vectors, dim)),
    psnrDb: range === undefined ? null : short(10 * Math.log10(range ** 2 / mse)),
    bitsPerToken: report.nominalBitsPerToken,
    entropyBits: short(report.bitsPerToken),
    usedCodes: report.usedCodes,
    utilization: short(report.utilization),
    utilizationOfExpected: short(report.utilizationOfExpected),
    perplexity: short(report.perplexity),
    perplexityShare: short(report.perplexityShare),
    topCodeShare: short(report.topCodeShare),
    latents: {
      rms: short(latents?.rms ?? 0),
      variance: short(latents?.variance ?? 0),
      norm: short(norms / count),
      error: shortOrNull(latents?.pairs?.error),
      relativeError: shortOrNull(latents?.pairs?.relativeError),
      angle: paired ? short(angles / count) : null,
      obtuseShare: shortOrNull(latents?.pairs?.obtuseShare),
      normRatio: shortOrNull(latents?.pairs?.normRatio),
    },
  };
}

/** Length of a latent and its angle to its code in degrees, 0 where either has no direction. */
function pairOf(z: Float32Array, q: Float32Array, from: number, dim: number): { norm: number; angle: number } {
  let [zz, qq, zq] = [0, 0, 0];
  for (let i = from; i < from + dim; i++) {
    const [a, b] = [z[i] as number, q[i] as number];
    zz += a * a;
    qq += b * b;
    zq += a * b;
  }
  const cosine = zz > 0 && qq > 0 ? zq / Math.sqrt(zz * qq) : 1;
  return { norm: Math.sqrt(zz), angle: (Math.acos(Math.max(-1, Math.min(1, cosine))) * 180) / Math.PI };
}

/** Five digits: results files hold thousands of these. */
function short(value: number): number {
  return Number(value.toPrecision(5));
}

function shortOrNull(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : short(value);
}
