import { squaredDifference, sum, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { entropyOfCounts } from '@vqkit/metrics';
import { createLayerMeter } from './layer-use.ts';
import type { Trainable } from './step.ts';

/** How one codebook, or one layer of a stack, was used. */
export interface LevelUse {
  readonly codebookSize: number;
  /** Codes that occur at least once. */
  readonly used: number;
  /** exp(entropy of the code histogram). */
  readonly perplexity: number;
  /** Σ|r|² / Σ|x - mean|² of what is left of the latents after this layer; null where it is not known. */
  readonly error: number | null;
}

/** What a tokenizer makes of vectors. */
export interface VectorReport {
  readonly rows: number;
  /** Σ|x - x̂|² / Σ|x - mean|² over all rows: 0 perfect, 1 no better than the mean. */
  readonly error: number;
  /** One per codebook, coarsest first. */
  readonly levels: readonly LevelUse[];
}

/** Encodes vectors and counts how well: one pass for both. */
export interface VectorMeter {
  /** [rows, dim] → the ids, [rows, numCodebooks]. */
  encode(vectors: Float32Array): Promise<Int32Array>;
  report(): VectorReport;
}

/** A meter of vectors of `dim` numbers. */
export function createVectorMeter(model: Trainable, dim: number): VectorMeter {
  const { quantizer } = model;
  const layers = createLayerMeter(quantizer);
  const sizes = layers?.codebookSizes ?? Array.from({ length: quantizer.numCodebooks }, () => quantizer.codebookSize);
  const counts = sizes.map((size) => new Float64Array(size));
  const left = new Float64Array(sizes.length + 1);
  const [data, latents] = [createMoments(dim), createMoments(quantizer.dim)];
  let lost = 0;

  return {
    async encode(vectors) {
      const result = tidy(() => {
        const x = tensor2d(vectors, [vectors.length / dim, dim]);
        const { indices, latents: z, output } = model.forward(x, { training: false });
        const squares = layers?.squares(z, indices);
        return { indices, z, lost: sum(squaredDifference(output, x)), ...(squares === undefined ? {} : { squares }) };
      });
      const ids = (await result.indices.data()) as Int32Array;
      data.add(vectors);
      latents.add((await result.z.data()) as Float32Array);
      lost += (await result.lost.data())[0] as number;
      const squares = await result.squares?.data();
      for (let j = 0; j < left.length; j++) left[j] = (left[j] as number) + (squares?.[j] ?? 0);
      for (const tensor of Object.values(result)) tensor.dispose();
      for (let i = 0; i < ids.length; i++) {
        const ofLevel = counts[i % sizes.length] as Float64Array;
        const id = ids[i] as number;
        ofLevel[id] = (ofLevel[id] as number) + 1;
      }
      return ids;
    },
    report: () => ({
      rows: data.rows(),
      error: lost / data.spread(),
      levels: sizes.map((codebookSize, j) => ({
        codebookSize,
        used: (counts[j] as Float64Array).reduce((used, count) => used + (count > 0 ? 1 : 0), 0),
        perplexity: Math.exp(entropyOfCounts(counts[j] as Float64Array)),
        error: layers === undefined || left[0] === 0 ? null : (left[j + 1] as number) / latents.spread(),
      })),
    }),
  };
}

interface Moments {
  add(vectors: Float32Array): void;
  rows(): number;
  /** Σ|x - mean|². */
  spread(): number;
}

/** Sums of rows and of their squares, as differences from the first row, so that an offset in common costs no digits. */
function createMoments(dim: number): Moments {
  const sums = new Float64Array(dim);
  let origin: Float32Array | undefined;
  let [energy, rows] = [0, 0];
  return {
    add(vectors) {
      origin ??= vectors.slice(0, dim);
      for (let start = 0; start < vectors.length; start += dim) {
        for (let i = 0; i < dim; i++) {
          const value = (vectors[start + i] as number) - (origin[i] as number);
          sums[i] = (sums[i] as number) + value;
          energy += value * value;
        }
      }
      rows += vectors.length / dim;
    },
    rows: () => rows,
    spread: () => energy - sums.reduce((total, value) => total + value * value, 0) / Math.max(1, rows),
  };
}
