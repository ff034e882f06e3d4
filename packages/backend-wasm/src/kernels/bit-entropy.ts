import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { BitEntropyAttrs } from '@vqkit/core-tensor';
import { type Engine, engineOf } from '../engine.ts';

/** Tokens, and codes, of one unit of work in assembly/entropy.ts. */
const TOKENS = 64;
const CODES = 4096;
/** Bytes of the probabilities of one group of tokens: memory does not grow with their number. */
const GROUP_BYTES = 8 * 1024 * 1024;
/** A group's sum over tokens is cut into parts of at least so many, for threads to share and for fewer digits to be lost. */
const PART_TOKENS = 256;
const PARTS = 16;
const PARTIAL_BYTES = 8 * 1024 * 1024;
/** Rows of one unit of work of a matrix product. */
const BLOCK_ROWS = 32;
/** Bytes of the scratch of one worker. */
const LINES = 256;

/** How a code of `dim` bits is halved, and how its tokens are streamed. */
interface Halves {
  readonly tokens: number;
  readonly dim: number;
  /** Bits of the first half, and the values of either half. */
  readonly high: number;
  readonly rows: number;
  readonly columns: number;
  /** Floats from one token's probabilities to the next: no power of two, which would be few lines of a cache. */
  readonly aStride: number;
  readonly bStride: number;
  /** Most tokens that are worked on at a time. */
  readonly group: number;
}

/** Both entropies and the average probabilities, [perSample, codebook, average]. */
export const bitEntropy: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { logits, sampleWeights, batchWeights } = inputs as unknown as Inputs;
  const { codebook } = attrs as unknown as BitEntropyAttrs;
  const [tokens, dim] = logits.shape as [number, number];
  const [perSample, entropy] = [engine.output([], 'float32'), engine.output([], 'float32')];
  const average = engine.output([codebook ? 2 ** dim : 0], 'float32');
  const blocks = Math.ceil(tokens / TOKENS);
  engine.scratch(8 * (blocks + 1), (sums) => {
    engine.run('bitEntropySums', blocks, engine.address(logits), engine.address(sampleWeights), sums, tokens, dim);
    engine.call('addSums', sums, engine.address(perSample), blocks);
  });
  if (codebook) averageOf(engine, logits, batchWeights, average, entropy);
  else engine.call('addSums', 0, engine.address(entropy), 0);
  return [perSample, entropy, average];
};

interface Inputs {
  readonly logits: TensorInfo;
  readonly sampleWeights: TensorInfo;
  readonly batchWeights: TensorInfo;
}

/** average(a, b) = Σ_n w_n A_n(a) B_n(b), a group of tokens at a time, and its entropy. */
function averageOf(
  engine: Engine,
  logits: TensorInfo,
  weights: TensorInfo,
  average: TensorInfo,
  entropy: TensorInfo,
): void {
  const halves = halvesOf(logits);
  const { tokens, dim, high, rows, columns, aStride, bStride, group } = halves;
  const codes = rows * columns;
  const panels = Math.ceil(columns / 8);
  const parts = Math.max(1, Math.min(PARTS, Math.floor(group / PART_TOKENS), Math.floor(PARTIAL_BYTES / (4 * codes))));
  const rowBlocks = Math.ceil(rows / BLOCK_ROWS);
  const sumBlocks = Math.ceil(codes / CODES);
  const sizes = [4 * group * aStride, 4 * group * bStride, 32 * group * panels, 4 * codes * (parts + 1), 8 * sumBlocks];
  scratches(engine, [...sizes, LINES * engine.threads], (a, b, packed, total, sums, lines) => {
    const partials = total + 4 * codes;
    for (let first = 0; first < tokens; first += group) {
      const here = Math.min(group, tokens - first);
      const [z, w] = [engine.address(logits) + 4 * first * dim, engine.address(weights) + 4 * first];
      const geometry = [here, dim, high, aStride, bStride];
      engine.run('halfProbabilities', Math.ceil(here / TOKENS), z, w, a, b, lines, ...geometry);
      engine.run('packPanels', panels, b, packed, 0, 1, 0, here, bStride, columns, 1);
      const operands = [a, 0, 1, aStride, packed, 0, partials, 1, rows, columns, here, parts, BLOCK_ROWS, columns, 0];
      engine.run('gemm', parts * rowBlocks, ...operands);
      const before = first === 0 ? 0 : 1;
      engine.call('addPartials', before === 0 ? partials : total, total, parts + before, codes);
    }
    engine.run('averageEntropySums', sumBlocks, total, engine.address(average), sums, codes);
    engine.call('addSums', sums, engine.address(entropy), sumBlocks);
  });
}

/** The gradient in the log-odds of all three outputs. */
export const bitEntropyGrad: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const given = inputs as unknown as Inputs & Gradients;
  const { codebook } = attrs as unknown as BitEntropyAttrs;
  const dz = engine.output(given.logits.shape, 'float32');
  const halves = halvesOf(given.logits);
  if (codebook) {
    withSlopes(engine, given, halves, (byA, byB) => throughHalves(engine, given, halves, byA, byB, dz));
  } else {
    const [tokens, dim] = [halves.tokens, halves.dim];
    const pointers = pointersOf(engine, given, dz, 0, dim);
    engine.run('bitEntropyGrad', Math.ceil(tokens / TOKENS), ...pointers, 0, 0, 0, 0, 0, tokens, dim, 0, 0, 0);
  }
  return dz;
};

interface Gradients {
  readonly dPerSample: TensorInfo;
  readonly dEntropy: TensorInfo;
  readonly dAverage: TensorInfo;
  readonly entropy: TensorInfo;
  readonly average: TensorInfo;
}

/** The gradient G in the average probabilities, packed for products with rows of A (Σ_a A(a) G(a, b)) and of B (Σ_b B(b) G(a, b)). */
function withSlopes(
  engine: Engine,
  { average, entropy, dEntropy, dAverage }: Gradients,
  { rows, columns }: Halves,
  use: (byA: number, byB: number) => void,
): void {
  const [rowPanels, columnPanels] = [Math.ceil(rows / 8), Math.ceil(columns / 8)];
  scratches(engine, [32 * columnPanels * rows, 32 * rowPanels * columns], (byA, byB) => {
    engine.scratch(4 * rows * columns, (slope) => {
      const pointers = [average, entropy, dEntropy, dAverage].map((tensor) => engine.address(tensor));
      engine.run('averageSlope', Math.ceil((rows * columns) / CODES), ...pointers, slope, rows * columns);
      engine.run('packPanels', columnPanels, slope, byA, 0, 1, 0, rows, columns, columns, 1);
      engine.run('packPanels', rowPanels, slope, byB, 0, 1, 0, columns, 1, rows, columns);
    });
    use(byA, byB);
  });
}

function throughHalves(
  engine: Engine,
  given: Inputs & Gradients,
  { tokens, dim, high, rows, columns, aStride, bStride, group }: Halves,
  byA: number,
  byB: number,
  dz: TensorInfo,
): void {
  const sizes = [4 * group * aStride, 4 * group * bStride, 4 * group * rows, 4 * group * columns];
  scratches(engine, [...sizes, LINES * engine.threads], (a, b, aSlopes, bSlopes, lines) => {
    for (let first = 0; first < tokens; first += group) {
      const here = Math.min(group, tokens - first);
      const pointers = pointersOf(engine, given, dz, first, dim);
      const geometry = [here, dim, high, aStride, bStride];
      const [blocks, rowBlocks] = [Math.ceil(here / TOKENS), Math.ceil(here / BLOCK_ROWS)];
      engine.run('halfProbabilities', blocks, pointers[0] as number, 0, a, b, lines, ...geometry);
      engine.run('gemm', rowBlocks, b, 0, bStride, 1, byB, 0, aSlopes, 1, here, rows, columns, 1, BLOCK_ROWS, rows, 0);
      engine.run(
        'gemm',
        rowBlocks,
        a,
        0,
        aStride,
        1,
        byA,
        0,
        bSlopes,
        1,
        here,
        columns,
        rows,
        1,
        BLOCK_ROWS,
        columns,
        0,
      );
      engine.run('bitEntropyGrad', blocks, ...pointers, a, b, aSlopes, bSlopes, lines, ...geometry);
    }
  });
}

/** logits, sampleWeights, batchWeights, dPerSample and dz, from token `first` on. */
function pointersOf(
  engine: Engine,
  { logits, sampleWeights, batchWeights, dPerSample }: Inputs & Gradients,
  dz: TensorInfo,
  first: number,
  dim: number,
): number[] {
  const [z, v, w, weight, out] = [logits, sampleWeights, batchWeights, dPerSample, dz].map((tensor) =>
    engine.address(tensor),
  ) as [number, number, number, number, number];
  return [z + 4 * first * dim, v + 4 * first, w + 4 * first, weight, out + 4 * first * dim];
}

function halvesOf({ shape }: TensorInfo): Halves {
  const [tokens, dim] = shape as [number, number];
  const high = Math.ceil(dim / 2);
  const [rows, columns] = [2 ** high, 2 ** (dim - high)];
  const [aStride, bStride] = [rows + 16, columns + 16];
  const fitting = Math.floor(GROUP_BYTES / (4 * (aStride + bStride)));
  return { tokens, dim, high, rows, columns, aStride, bStride, group: Math.max(1, Math.min(tokens, fitting)) };
}

/** Lends several stretches of memory, each beginning at a multiple of 16 bytes from the first. */
function scratches(engine: Engine, sizes: readonly number[], use: (...addresses: number[]) => void): void {
  let total = 0;
  const starts = sizes.map((size) => {
    const start = total;
    total += Math.ceil(size / 16) * 16;
    return start;
  });
  engine.scratch(total, (address) => use(...starts.map((start) => address + start)));
}
