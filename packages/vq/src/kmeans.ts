import {
  abs,
  add,
  cast,
  concat,
  cumsum,
  dispose,
  div,
  expandDims,
  fill,
  floor,
  gather,
  greater,
  greaterEqual,
  keep,
  less,
  log,
  logicalAnd,
  logicalNot,
  logicalOr,
  max,
  maximum,
  minimum,
  mul,
  ones,
  pow,
  type Scalar,
  scalar,
  where as select,
  slice,
  squaredDifference,
  stack,
  step,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
  unsortedSegmentSum,
  type Variable,
  zeros,
} from '@tensorflow/tfjs-core';
import {
  DtypeError,
  nearestCodeExact,
  type Rng,
  readNow,
  requireOption,
  requireTensor,
  ShapeError,
  selectRows,
  show,
  sum,
  type TrainingState,
} from '@vqkit/core-tensor';
import {
  type BookState,
  choose,
  clustersOf,
  drawTokens,
  middleOf,
  ranksOf,
  type Tokens,
  unitOr,
  usable,
} from './ema.ts';
import { type VqConfig, WHERE } from './options.ts';

export interface KmeansOptions {
  readonly k: number;
  readonly iterations: number;
  /** x has length 1, and so have the means. */
  readonly spherical: boolean;
  /** k-means++, which takes k steps one after the other; tokens spread over x; or near their mean, in the directions of such tokens. Default k-means++. */
  readonly seeding?: 'kmeans++' | 'spread' | 'directions';
  readonly rng: Rng;
}

/**
 * k-means: codes at the means of the tokens that are nearest to them. All on the engine, nothing is read; a mean that loses all its tokens
 * stays where it was. Tokens are moved to the origin and scaled to magnitude 1 first, so that neither an offset that they have in common
 * nor their size costs digits.
 *
 * Source: Arthur and Vassilvitskii, "k-means++: The Advantages of Careful Seeding", SODA 2007; Lloyd, "Least Squares Quantization in
 * PCM", 1982.
 *
 * @param x [N, d], finite.
 * @param weights [N] of 0 (does not count) or 1, not all 0.
 * @returns means [k, d] and how many tokens each has.
 */
export function kmeans(
  x: Tensor2D,
  weights: Tensor1D,
  { k, iterations, spherical, seeding = 'kmeans++', rng }: KmeansOptions,
): { means: Tensor2D; sizes: Tensor1D } {
  return tidy(() => {
    const origin = spherical ? zeros([1, x.shape[1]]) : middleOf(drawTokens(x, weights, 9, rng.fork('origin')));
    const moved = mul(sub(x, origin), expandDims(weights, 1));
    const scale = spherical ? scalar(1) : magnitudeOf(moved);
    const tokens = div(moved, scale) as Tensor2D;

    let means = seeding === 'kmeans++' ? seeds(tokens, weights, k, rng) : drawTokens(tokens, weights, k, rng);
    if (seeding === 'directions' && !spherical) means = nearMean(means, tokens, weights);
    let sizes = ones([k]) as Tensor1D;
    for (let i = 0; i < iterations; i++) {
      [means, sizes] = tidy(() => {
        const found = clustersOf(tokens, nearestCodeExact({ x: tokens, codes: means }), weights, k);
        const averages = div(found.sums, expandDims(maximum(found.sizes, 1), 1)) as Tensor2D;
        const next = spherical ? unitOr(averages, means) : averages;
        return [selectRows(greater(found.sizes, 0), next, means), found.sizes] as [Tensor2D, Tensor1D];
      });
    }
    return { means: spherical ? means : (add(mul(means, scale), origin) as Tensor2D), sizes };
  });
}

/** What is left of a seed's way from the mean: so little that which seed is nearest depends on directions alone. A choice, measured at 0.1 only. */
const NEAR = 0.1;

/**
 * Seeds moved towards the mean of all tokens. In many features tokens lie far from each other, each alone at its seed, while the few seeds nearest
 * to the mean take all the others; when all are near it, a token goes to the seed of its own direction.
 */
function nearMean(drawn: Tensor2D, tokens: Tensor2D, weights: Tensor1D): Tensor2D {
  const mean = div(sum(mul(tokens, expandDims(weights, 1)), 0, true), maximum(sum(weights), 1));
  return add(mean, mul(sub(drawn, mean), NEAR)) as Tensor2D;
}

/** A power of two near the largest magnitude, so that a division by it is exact. */
function magnitudeOf(x: Tensor): Tensor {
  const largest = maximum(max(abs(x)), 2 ** -120);
  return pow(2, floor(div(log(largest), Math.LN2)));
}

/**
 * k-means++: the first seed is a token drawn uniformly, each further one a token drawn with probability ∝ the squared distance to the
 * nearest seed so far; uniformly again once every token is a seed.
 */
export function seeds(x: Tensor2D, weights: Tensor1D, k: number, rng: Rng): Tensor2D {
  const uniform: Tensor1D = cumsum(weights);
  const chosen: Tensor2D[] = [];
  let distances: Tensor1D | undefined;
  for (const draw of rng.uniformArray(k, 0, 1)) {
    const [seed, shorter] = tidy(() => {
      const seed = gather(x, expandDims(drawRow(distances, uniform, draw), 0)) as Tensor2D;
      const toSeed = mul(sum(squaredDifference(x, seed), 1), weights) as Tensor1D;
      return [seed, distances === undefined ? toSeed : minimum(distances, toSeed)] as [Tensor2D, Tensor1D];
    });
    distances?.dispose();
    distances = shorter;
    chosen.push(seed);
  }
  return concat(chosen, 0);
}

/** int32 []: i with probability chance_i / Σ chance, by one uniform number in [0, 1); by `uniform` where all chances are 0. */
function drawRow(chance: Tensor1D | undefined, uniform: Tensor1D, draw: number): Tensor {
  const n = uniform.shape[0];
  const total = (steps: Tensor1D): Tensor1D => slice(steps, [n - 1], [1]);
  let steps = uniform;
  if (chance !== undefined) {
    const own: Tensor1D = cumsum(chance);
    steps = select(greater(total(own), 0), own, uniform) as Tensor1D;
  }
  // draw · total < total, so that a row is found unless nothing counts; a row of chance 0 is a step of height 0 and is never drawn.
  const above = sum(step(sub(steps, mul(total(steps), draw))));
  return cast(minimum(sub(n, above), n - 1), 'int32');
}

/** The beginning of a training, in which k-means places the codes: on the tokens of as many steps as it takes to have enough. */
export interface KmeansInit {
  /** False once the codes are known to be placed. */
  waits(): boolean;
  /**
   * With the tokens of a step, one entry per book: the books on all tokens so far, or as they were where that is no longer to be done.
   *
   * @param masked whether some tokens are padding.
   */
  place(batch: readonly Tokens[], old: readonly BookState[], masked: boolean): Placed;
  /** After the state of the quantizer was loaded: forgets the tokens. */
  loaded(): void;
  /** The tokens so far. */
  readonly trainingState: TrainingState;
  dispose(): void;
}

/** The next state of each book. */
export interface Placed {
  readonly states: readonly BookState[];
  /** Once they are in the books: what follows from it. */
  readonly settle?: () => void;
}

/** @param initted whether the codes are placed: the reference library's flag, in the state dict. */
export function createKmeansInit(config: VqConfig, books: number, initted: Variable, rng: Rng): KmeansInit {
  const {
    codebookSize: k,
    kmeansIters: iterations,
    useCosineSim,
    kmeansInit,
    kmeansTokensPerCode,
    kmeansSeeding,
  } = config;
  const need = kmeansTokensPerCode * k;
  /** May be true for too long, which costs time and changes nothing. */
  let waits = kmeansInit;
  let sample: readonly Tokens[] = [];
  /** Whether some of them may not count. */
  let padded = false;

  const hold = (next: readonly Tokens[]): void => {
    const before = sample;
    sample = next.map(({ x, weights }) => ({ x: keep(x.clone()), weights: keep(weights.clone()) }));
    for (const { x, weights } of before) dispose([x, weights]);
  };
  const settle = (done: boolean): void => {
    waits = !done;
    if (!done) return;
    hold([]);
    padded = false;
  };
  /** @param likely what to go by until it is known, which on a graphics processor takes until something is awaited. */
  const askWhetherDone = (likely: boolean): void => {
    const now = readNow(initted);
    settle(now === undefined ? likely : now[0] === 1);
    if (now !== undefined) return;
    const { dataId } = initted;
    initted.data().then(
      ([done]) => {
        if (initted.dataId === dataId) settle(done === 1);
      },
      () => undefined, // Not known, then.
    );
  };

  const placed = ({ x, weights }: Tokens, b: number, seeding: KmeansOptions['seeding']): BookState => {
    const options = { k, iterations, spherical: useCosineSim, seeding, rng: rng.fork(`kmeans ${b}`) };
    const { means, sizes: counts } = kmeans(x, weights, options);
    // An empty cluster counts as one token: its code stays, and soon is too small where dead codes are replaced.
    const sizes = maximum(counts, 1) as Tensor1D;
    return { codes: means, sizes, sums: mul(means, expandDims(sizes, 1)) as Tensor2D };
  };

  return {
    waits: () => waits,

    place(batch, old, masked) {
      const all = batch.map((own, b) => joined(sample[b], own, Math.ceil(need) - 1 + own.x.shape[0]));
      const counts = stack(all.map(({ weights }) => sum(weights)));
      const enough: Scalar = greaterEqual(max(counts), need);
      const rows = Math.max(...all.map(({ x }) => x.shape[0]));
      const known = rows < need ? false : readNow(enough)?.[0];
      const states = all.map((tokens, b) => {
        // k steps one after the other only once: codes that the next step places anew may start from any tokens.
        const careful = (): BookState => placed(tokens, b, kmeansSeeding);
        const quick = (): BookState => placed(tokens, b, kmeansSeeding === 'kmeans++' ? 'spread' : kmeansSeeding);
        const next = known === undefined ? choose(enough, careful(), quick()) : known ? careful() : quick();
        const counts = greater(sum(tokens.weights), 0);
        return choose(logicalAnd(logicalNot(initted), counts) as Scalar, next, old[b] as BookState);
      });
      const done = logicalOr(initted, enough) as Scalar;
      const settle = (): void => {
        padded ||= masked;
        hold(all);
        initted.assign(done);
        askWhetherDone(rows >= need && !padded);
      };
      return { states, settle };
    },

    loaded() {
      hold([]);
      padded = false;
      if (kmeansInit) askWhetherDone(false);
    },

    trainingState: {
      get: () =>
        Object.fromEntries(
          sample.flatMap(({ x, weights }, b) => [
            [rowsKey(b), x.clone()],
            [weightsKey(b), weights.clone()],
          ]),
        ),
      set(tensors) {
        const given = Object.keys(tensors);
        if (given.length === 0) {
          hold([]);
          return;
        }
        const next = read(tensors, kmeansInit ? books : 0, config.codebookDim);
        if (!waits) return;
        tidy(() => hold(next.map(({ x, weights }) => usable(x, weights, useCosineSim))));
        padded = true;
      },
    },
    dispose: () => hold([]),
  };
}

const rowsKey = (b: number): string => `kmeans.${b}.tokens`;
const weightsKey = (b: number): string => `kmeans.${b}.weights`;

/** Tokens of two batches; where they are more than `most`, the first so many that count. */
function joined(before: Tokens | undefined, own: Tokens, most: number): Tokens {
  if (before === undefined) return own;
  const x: Tensor2D = concat([before.x, own.x], 0);
  const weights: Tensor1D = concat([before.weights, own.weights], 0);
  if (weights.size <= most) return { x, weights };
  const ranks = ranksOf(weights);
  const first = logicalAnd(greater(weights, 0), less(ranks, most));
  const places = select(first, ranks, fill(ranks.shape, most, 'int32')) as Tensor1D;
  return {
    x: slice(unsortedSegmentSum(x, places, most + 1), [0, 0], [most, -1]) as Tensor2D,
    weights: slice(unsortedSegmentSum(cast(first, 'float32'), places, most + 1), 0, most) as Tensor1D,
  };
}

/** The tokens of each book as they were written. */
function read(tensors: Readonly<Record<string, Tensor>>, books: number, dim: number): Tokens[] {
  const name = `${WHERE}().loadTrainingState`;
  const fix = 'Load the training state of a quantizer of the same configuration.';
  const keys = Array.from({ length: books }, (_, b) => [rowsKey(b), weightsKey(b)]);
  const given = Object.keys(tensors);
  const rule = `an object with exactly the keys ${show(keys.flat())}`;
  const fits = given.length === 2 * books && keys.flat().every((key) => given.includes(key));
  requireOption(fits, name, 'tensors', rule, given, fix);
  return keys.map(([rows, counts]) => {
    const [x, weights] = [rows, counts].map((key) => {
      const value = tensors[key as string];
      requireTensor(name, `'${key}'`, value);
      if (value.dtype === 'float32') return value;
      throw new DtypeError(name, `'${key}'`, 'be float32', value.dtype, fix);
    }) as [Tensor2D, Tensor1D];
    const { shape } = weights;
    if (shape.length === 1 && show(x.shape) === show([shape[0], dim])) return { x, weights };
    throw new ShapeError(name, `'${rows}'`, `have shape [n, ${dim}] and '${counts}' [n]`, [x.shape, shape], fix);
  });
}
