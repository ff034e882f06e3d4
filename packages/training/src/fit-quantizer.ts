import { type Tensor, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { createRng, OptionError, phrase, type Quantizer, requireInteger } from '@vqkit/core-tensor';
import { letSignalsIn, type Source } from '@vqkit/data';

/** Vectors that are read in blocks, such as `openVectors` of @vqkit/data/node gives. */
export interface Vectors extends Source<{ readonly vectors: Float32Array }> {
  /** Numbers of a vector. */
  readonly dim: number;
}

export interface FitOptions {
  /** Rows that the codes are placed on, drawn over the whole source. Default 64 per code, all where there are fewer. */
  readonly sample?: number | undefined;
  /** Passes over all rows after that. Default 4. */
  readonly passes?: number | undefined;
  /** Rows of a step. Default 8,192. */
  readonly blockSize?: number | undefined;
  /** Seed of the order of the blocks. Default 0. */
  readonly seed?: number | undefined;
  /** After every step: rows done and rows in all. */
  readonly onRows?: ((done: number, rows: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Places that the rows of a sample come from. */
const SAMPLE_PARTS = 64;

/**
 * Fits a quantizer, or a stack of them, to vectors as they are, without a network: its first training step is on a sample, on which `kmeansInit`
 * places the codes, layer after layer; the next are on the blocks of all rows in random order, by which the codes follow as moving averages.
 *
 * @param quantizer one that learns without gradients, such as `createResidualVq({ …, kmeansInit: true })`.
 * @throws OptionError for one with variables, rows of another width than its `dim`, or fewer rows than codes; Interrupted when the signal is aborted.
 * @example
 * const values = new Float32Array(64 * 4).map((_, i) => Math.sin(i));
 * const read = async (from: number, to: number) => ({ vectors: values.subarray(4 * from, 4 * to) });
 * const rvq = createResidualVq({ dim: 4, codebookSize: 8, numQuantizers: 2, kmeansInit: true });
 * await fitQuantizer(rvq, { count: 64, dim: 4, read });
 */
export async function fitQuantizer(quantizer: Quantizer, vectors: Vectors, options: FitOptions = {}): Promise<void> {
  const where = 'fitQuantizer';
  const { codebookSize } = quantizer;
  const { sample = 64 * codebookSize, passes = 4, blockSize = 8192, seed = 0, onRows, signal } = options;
  requireInteger(where, 'sample', sample, 1);
  requireInteger(where, 'passes', passes, 0);
  requireInteger(where, 'blockSize', blockSize, 1);
  requireFitting(where, quantizer, vectors);

  const step = async (rows: Float32Array): Promise<void> => {
    await letSignalsIn(signal);
    tidy(() => {
      const x: Tensor = tensor2d(rows, [rows.length / vectors.dim, vectors.dim]);
      quantizer.quantize(x, { training: true });
    });
  };
  const drawn = Math.min(sample, vectors.count);
  const total = drawn + passes * vectors.count;
  await step(await sampleOf(vectors, drawn));
  let done = drawn;
  onRows?.(done, total);
  const blocks = Math.ceil(vectors.count / blockSize);
  for (let pass = 0; pass < passes; pass++) {
    for (const block of createRng(seed).fork(`pass ${pass}`).permutation(blocks)) {
      const to = Math.min(vectors.count, (block + 1) * blockSize);
      await step((await vectors.read(block * blockSize, to, signal)).vectors);
      done += to - block * blockSize;
      onRows?.(done, total);
    }
  }
}

/** Rows from parts that lie evenly over the source, which may be sorted. */
async function sampleOf(vectors: Vectors, rows: number): Promise<Float32Array> {
  const parts = Math.min(SAMPLE_PARTS, rows);
  const sample = new Float32Array(rows * vectors.dim);
  for (let part = 0; part < parts; part++) {
    const [first, next] = [Math.floor((part * rows) / parts), Math.floor(((part + 1) * rows) / parts)];
    const from = Math.floor((part * (vectors.count - (next - first))) / Math.max(1, parts - 1));
    const block = await vectors.read(from, from + next - first);
    sample.set(block.vectors, first * vectors.dim);
  }
  return sample;
}

function requireFitting(where: string, quantizer: Quantizer, { count, dim }: Vectors): void {
  const variables = Object.keys(quantizer.variables());
  if (variables.length > 0) {
    throw new OptionError(
      where,
      'quantizer',
      'learn without gradients',
      phrase(`${quantizer.kind} with the variable '${variables[0]}'`, quantizer.kind),
      'Train it in a tokenizer, --arch mlp.',
    );
  }
  if (quantizer.dim !== dim) {
    throw new OptionError(
      where,
      'vectors',
      `have the quantizer's ${quantizer.dim} numbers`,
      dim,
      `Create it with dim: ${dim}, or train layers around it, --arch mlp.`,
    );
  }
  requireRowsForCodes(where, quantizer, count);
}

/**
 * Throws where a quantizer that learns its codes has more of them than there are rows to learn from.
 * @throws OptionError
 */
export function requireRowsForCodes(where: string, quantizer: Quantizer, rows: number): void {
  const state = Object.values(quantizer.stateDict());
  for (const value of state) value.dispose();
  if (state.length === 0 || rows >= quantizer.codebookSize) return;
  throw new OptionError(
    where,
    'vectors',
    `be at least as many as the ${quantizer.codebookSize} codes`,
    rows,
    'Use a smaller codebookSize.',
  );
}
