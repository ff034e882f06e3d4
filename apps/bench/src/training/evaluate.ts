import { type Tensor, type Tensor2D, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { comparesLatents, createTracker } from '@vqkit/metrics';
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

/** Evaluates as in use: no noise and no update of anything. Null when a latent or an output is not finite. */
export async function evaluateTokens(
  model: TokenAutoencoder,
  source: Source,
  vectors: Float32Array,
  step: number,
): Promise<TokenEvaluation | null> {
  const { dim, range } = source;
  const { quantizer } = model;
  const count = vectors.length / dim;
  const tracker = createTracker({ codebookSize: quantizer.codebookSize, numCodebooks: quantizer.numCodebooks });
  const paired = comparesLatents(quantizer);
  let squares = 0;
  let norms = 0;
  let angles = 0;
  for (let start = 0; start < count; start += CHUNK) {
    const size = Math.min(CHUNK, count - start);
    const part = vectors.subarray(start * dim, (start + size) * dim);
    const tensors: Record<string, Tensor> = tidy(() => {
      const { latents, quantized, output } = model.forward(tensor2d(part, [size, dim]) as Tensor2D, {
        training: false,
        step,
      });
      return { latents, quantized, output, indices: quantizer.encode(latents) };
    });
    const data: Record<string, Float32Array | Int32Array | Uint8Array> = {};
    for (const [name, tensor] of Object.entries(tensors)) {
      data[name] = await tensor.data();
      tensor.dispose();
    }
    const [latents, codes, output] = [data.latents, data.quantized, data.output] as Float32Array[] as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    if (!latents.every(Number.isFinite) || !output.every(Number.isFinite)) return null;
    output.forEach((value, i) => {
      squares += (value - (part[i] as number)) ** 2;
    });
    for (let token = 0; token < size; token++) {
      const { norm, angle } = pairOf(latents, codes, token * quantizer.dim, quantizer.dim);
      norms += norm;
      angles += angle;
    }
    tracker.update({
      indices: data.indices as Int32Array,
      latents,
      dim: quantizer.dim,
      ...(paired ? { codes } : {}),
    });
  }
  const report = tracker.report();
  const { latents } = report;
  const mse = squares / vectors.length;
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
