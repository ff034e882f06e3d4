import {
  cast,
  concat,
  dispose,
  expandDims,
  greater,
  greaterEqual,
  keep,
  logicalAnd,
  logicalNot,
  logicalOr,
  maximum,
  mul,
  norm,
  ones,
  reshape,
  type Scalar,
  scalar,
  where as select,
  slice,
  stack,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Variable,
  variable,
  zerosLike,
} from '@tensorflow/tfjs-core';
import {
  type CodeSearch,
  codeSearch,
  type Derived,
  derived,
  gatherCodes,
  ownedVariable,
  type Parameter,
  type Rng,
  selectRows,
  unitLength,
  withoutGradient,
} from '@vqkit/core-tensor';
import { type BookState, clustersOf, meansOf, movingAverage, revive, smoothed, usableRows } from './ema.ts';
import { kmeans } from './kmeans.ts';
import type { VqConfig } from './options.ts';

/** The codebooks of a quantizer, one or one per head: what is searched, and how it learns. */
export interface Codebooks {
  readonly parameters: readonly Parameter[];
  /** The nearest code of each row, in book b. */
  nearest(b: number, rows: Tensor2D): Tensor1D;
  /** The codes at these indices, exact copies: constants to gradients. */
  codes(b: number, indices: Tensor1D): Tensor2D;
  /** Book b as [K, d], a constant to gradients; owned here. */
  all(b: number): Tensor2D;
  /** Book b as [K, d], with a gradient to the variable. */
  trainable(b: number): Tensor2D;
  /** At the beginning of a training step: places the codes, with `kmeansInit` and as long as that has too few tokens. Per book. */
  initialise(rows: readonly Tensor2D[], weights: Tensor1D | undefined): void;
  /** After a training step: moves the averages and what follows from them. */
  learn(rows: readonly Tensor2D[], indices: readonly Tensor1D[], weights: Tensor1D | undefined): void;
  /** After a state was loaded, which may or may not be initialised. */
  loaded(): void;
  dispose(): void;
}

export function createCodebooks(config: VqConfig, books: number, rng: Rng): Codebooks {
  const { codebookSize: k, codebookDim: d, useCosineSim, learnableCodebook, thresholdEmaDeadCode } = config;
  const byGradient = learnableCodebook || config.orthogonalRegWeight > 0;

  const initial = initialCodes(config, books, rng);
  const embed = ownedVariable(initial, [books, k, d], byGradient && !config.freezeCodebook);
  const sums = ownedVariable(initial, [books, k, d], false);
  const sizes = ownedVariable(new Float32Array(books * k).fill(1), [books, k], false);
  const initted = ownedFlag(!config.kmeansInit);

  const bookOf = (b: number): Tensor2D => {
    const codes = partOf(embed, b) as Tensor2D;
    // An optimizer moves codes off the sphere.
    return useCosineSim && byGradient ? unitLength(codes, 1) : codes;
  };
  const found: { codes: Derived<Tensor2D>; search: CodeSearch }[] = Array.from({ length: books }, (_, b) => {
    const codes = derived([embed], () => bookOf(b));
    return { codes, search: codeSearch(codes) };
  });
  const book = (b: number): (typeof found)[number] => found[b] as (typeof found)[number];

  const stateOf = (b: number): BookState => {
    const state = {
      codes: partOf(embed, b) as Tensor2D,
      sizes: partOf(sizes, b) as Tensor1D,
      sums: partOf(sums, b) as Tensor2D,
    };
    if (learnableCodebook || !byGradient) return state;
    // A gradient has moved the codes since the last step: the averages follow, or they would take the move back.
    const lengths = useCosineSim ? norm(state.sums, 2, 1, true) : expandDims(smoothed(state.sizes, config.eps), 1);
    return { ...state, sums: mul(bookOf(b), lengths) as Tensor2D };
  };

  /** Gives every book its next state where the condition holds and a token counts. Off the tape: no gradient passes through it. */
  const update = (
    rows: readonly Tensor2D[],
    weights: Tensor1D | undefined,
    when: Tensor,
    next: (x: Tensor2D, weights: Tensor1D, b: number) => BookState,
  ): void => {
    const states = rows.map((row, b): BookState => {
      const usable = usableRows(row);
      const counted = mul(cast(usable, 'float32'), weights ?? 1) as Tensor1D;
      const state = next(selectRows(usable, row, zerosLike(row)), counted, b);
      const take = logicalAnd(when, greater(sum(counted), 0));
      const taken = <T extends Tensor>(value: T, old: Variable): T => select(take, value, partOf(old, b)) as T;
      return { codes: taken(state.codes, embed), sizes: taken(state.sizes, sizes), sums: taken(state.sums, sums) };
    });
    embed.assign(stack(states.map((state) => state.codes)));
    sizes.assign(stack(states.map((state) => state.sizes)));
    sums.assign(stack(states.map((state) => state.sums)));
  };

  /** False once k-means is known to have had enough tokens; until then it runs in each training step, and its result counts if it must. */
  let mayNeedInit = config.kmeansInit;
  /** The rows of all training steps so far, and their weights: what k-means starts from. */
  let sample: readonly Tensor[] = [];
  /** Tokens in it that count, NaN when a mask decides. */
  let gathered = 0;
  const setInitted = (done: boolean): void => {
    mayNeedInit = !done;
    if (done) forgetSample();
  };
  const forgetSample = (): void => {
    dispose([...sample]);
    sample = [];
    gathered = 0;
  };
  const askWhetherInitted = (): void => {
    const { dataId } = initted;
    initted.data().then(
      ([done]) => {
        if (initted.dataId === dataId) setInitted(done !== 0);
      },
      () => undefined, // Not known, then: that costs time and changes nothing.
    );
  };

  return {
    parameters: [
      { name: '_codebook.initted', variable: initted, trainable: false },
      { name: '_codebook.cluster_size', variable: sizes, trainable: false },
      { name: '_codebook.embed_avg', variable: sums, trainable: false },
      { name: '_codebook.embed', variable: embed, trainable: embed.trainable },
    ],
    nearest: (b, rows) => book(b).search.nearest(rows),
    codes: (b, indices) => gatherCodes(book(b).codes.get(), indices),
    all: (b) => book(b).codes.get(),
    trainable: bookOf,

    initialise(rows, weights) {
      if (!mayNeedInit) return;
      const batch = [weights ?? ones([rows[0]?.shape[0] ?? 0]), ...rows];
      const before = sample;
      sample = batch.map((own, i) => keep(withoutGradient(() => concat([...before.slice(i, i + 1), own]))));
      dispose([...before]);
      const [allWeights, ...allRows] = sample as [Tensor1D, ...Tensor2D[]];
      const enough = config.kmeansTokensPerCode * k;
      withoutGradient(() => {
        const options = { k, iterations: config.kmeansIters, spherical: useCosineSim };
        update(allRows, allWeights, logicalNot(initted), (x, w, b) => {
          const { means, sizes: counts } = kmeans(x, w, { ...options, rng: rng.fork(`kmeans ${b}`) });
          // An empty cluster counts as one token: its code stays, and soon is too small where dead codes are replaced.
          const atLeastOne = maximum(counts, 1) as Tensor1D;
          return { codes: means, sizes: atLeastOne, sums: mul(means, expandDims(atLeastOne, 1)) as Tensor2D };
        });
        initted.assign(logicalOr(initted, greaterEqual(sum(allWeights), enough)) as Scalar);
        return scalar(0);
      });
      gathered += weights === undefined ? (rows[0]?.shape[0] ?? 0) : Number.NaN;
      if (gathered >= enough) setInitted(true);
      else askWhetherInitted();
    },

    learn(rows, indices, weights) {
      const revives = thresholdEmaDeadCode > 0;
      if (learnableCodebook && !revives) return;
      withoutGradient(() => {
        update(rows, weights, scalar(true, 'bool'), (x, w, b) => {
          const old = stateOf(b);
          const averages = movingAverage(old, clustersOf(x, indices[b] as Tensor1D, w, k), config.decay);
          const state = { ...averages, codes: learnableCodebook ? old.codes : meansOf(averages, config) };
          return revives ? revive(state, x, w, config, rng) : state;
        });
        return scalar(0);
      });
    },

    loaded() {
      forgetSample();
      mayNeedInit = config.kmeansInit;
      if (mayNeedInit) askWhetherInitted();
    },
    dispose() {
      forgetSample();
      for (const { codes, search } of found) {
        search.dispose();
        codes.dispose();
      }
    },
  };
}

/** Book b of a variable with one entry per book. */
function partOf(all: Variable, b: number): Tensor {
  const [books = 1, ...shape] = all.shape;
  const part = books === 1 ? all : slice(all, [b, ...shape.map(() => 0)], [1, ...shape]);
  return reshape(part, shape);
}

/** Uniform within ±√(6 / (K d)), as in the reference library (nn.init.kaiming_uniform_ of [books, K, d]). */
function initialCodes({ codebookSize, codebookDim, useCosineSim }: VqConfig, books: number, rng: Rng): Float32Array {
  const bound = Math.sqrt(6 / (codebookSize * codebookDim));
  const codes = rng.uniformArray(books * codebookSize * codebookDim, -bound, bound);
  if (!useCosineSim) return codes;
  for (let row = 0; row < codes.length; row += codebookDim) {
    const code = codes.subarray(row, row + codebookDim);
    const length = Math.hypot(...code);
    for (let i = 0; i < codebookDim; i++) code[i] = (code[i] as number) / length;
  }
  return codes;
}

function ownedFlag(value: boolean): Variable {
  const tensor = scalar(value, 'bool');
  const made = variable(tensor, false);
  tensor.dispose();
  return made;
}
