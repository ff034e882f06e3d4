import {
  concat,
  div,
  expandDims,
  fill,
  greater,
  max,
  mul,
  norm,
  ones,
  pad,
  relu,
  reshape,
  type Scalar,
  scalar,
  slice,
  split,
  sqrt,
  square,
  stack,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Variable,
  variable,
} from '@tensorflow/tfjs-core';
import {
  asRows,
  type CodeSearch,
  codeSearch,
  type Derived,
  derived,
  gatherCodes,
  ownedVariable,
  type Parameter,
  type Rng,
  selectRows,
  sum,
  type TrainingState,
  unitLength,
  withoutGradient,
} from '@vqkit/core-tensor';
import {
  type BookState,
  choose,
  clustersOf,
  emaStep,
  hasDirection,
  revive,
  smoothed,
  type Tokens,
  unitOr,
  usable,
} from './ema.ts';
import { createKmeansInit, type Placed } from './kmeans.ts';
import { LOADED_UNIT, type VqConfig, type VqMetric } from './options.ts';

/** How tokens become the rows that each codebook quantizes, and back. One codebook for all heads sees N · heads rows. */
export interface Heads {
  /** Codebooks: `heads` where each head has its own, else 1. */
  readonly books: number;
  /** [N, heads · d] → for each codebook [rows, d]. */
  split(x: Tensor2D): Tensor2D[];
  /** The inverse of `split`. */
  join(rows: readonly Tensor2D[]): Tensor2D;
  /** Indices of the rows of each codebook → int32 [N, heads]. */
  joinIndices(indices: readonly Tensor1D[]): Tensor2D;
  /** int32 [N, heads] → indices for each codebook. */
  splitIndices(indices: Tensor2D): Tensor1D[];
  /** Weights of tokens [N] → of the rows of any codebook. */
  rowWeights(weights: Tensor1D | undefined): Tensor1D | undefined;
}

export function createHeads({ heads, codebookDim, separateCodebookPerHead }: VqConfig): Heads {
  if (heads === 1 || !separateCodebookPerHead) {
    return {
      books: 1,
      split: (x) => [asRows(x, codebookDim)],
      join: ([rows]) => asRows(rows as Tensor2D, heads * codebookDim),
      joinIndices: ([indices]) => reshape(indices as Tensor1D, [-1, heads]),
      splitIndices: (indices) => [reshape(indices, [-1])],
      rowWeights: (weights) =>
        weights === undefined || heads === 1
          ? weights
          : (reshape(mul(expandDims(weights, 1), ones([1, heads])), [-1]) as Tensor1D),
    };
  }
  const parts = (x: Tensor2D): Tensor[] => split(x, heads, 1);
  return {
    books: heads,
    split: (x) => parts(x) as Tensor2D[],
    join: (rows) => concat([...rows], 1),
    joinIndices: (indices) => stack([...indices], 1) as Tensor2D,
    splitIndices: (indices) => parts(indices).map((part) => reshape(part, [-1]) as Tensor1D),
    rowWeights: (weights) => weights,
  };
}

/** The codebooks of a quantizer, one or one per head: what is searched, and how it learns. */
export interface Codebooks {
  readonly parameters: readonly Parameter[];
  /** What k-means waits with. */
  readonly trainingState: TrainingState;
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
  const start = createKmeansInit(config, books, initted, rng);

  const onSphere = useCosineSim && !byGradient;
  const toSphere = (loaded: Tensor): Tensor => {
    const codes = reshape(loaded, [books * k, d]) as Tensor2D;
    return reshape(unitOr(codes, codes, LOADED_UNIT), loaded.shape);
  };
  const bookOf = (b: number): Tensor2D => {
    const codes = partOf(embed, b) as Tensor2D;
    // An optimizer moves codes off the sphere.
    return useCosineSim && byGradient ? unitLength(codes, 1) : codes;
  };
  const found = Array.from({ length: books }, (_, b) => {
    const codes = derived([embed], () => bookOf(b));
    return { codes, search: searchOf(codes, embed, useCosineSim ? 'unit' : config.metric) };
  });
  const book = (b: number): (typeof found)[number] => found[b] as (typeof found)[number];

  const stateOf = (b: number): BookState => ({
    codes: partOf(embed, b) as Tensor2D,
    sizes: partOf(sizes, b) as Tensor1D,
    sums: partOf(sums, b) as Tensor2D,
  });
  /** A gradient has moved the codes since the last step: the averages follow, or they would take the move back. */
  const followed = (state: BookState, b: number): BookState => {
    if (learnableCodebook || !byGradient) return state;
    const codes = bookOf(b);
    const lengths = useCosineSim ? norm(state.sums, 2, 1, true) : expandDims(smoothed(state.sizes, config.eps), 1);
    return { ...state, codes, sums: mul(codes, lengths) as Tensor2D };
  };

  /** Gives every book its next state, from the tokens that count. Off the tape: no gradient passes through it. */
  const update = (
    rows: readonly Tensor2D[],
    weights: Tensor1D | undefined,
    next: (tokens: readonly Tokens[], old: readonly BookState[]) => Placed,
  ): void => {
    withoutGradient(() => {
      const tokens = rows.map((row) => usable(row, weights, useCosineSim));
      const { states, settle } = next(
        tokens,
        rows.map((_, b) => stateOf(b)),
      );
      const parts = [
        [embed, stack(states.map(({ codes }) => codes))],
        [sizes, stack(states.map(({ sizes }) => sizes))],
        [sums, stack(states.map(({ sums }) => sums))],
      ] as const;
      // Nothing before all is computed: an engine may have no memory for it.
      for (const [held, value] of parts) held.assign(value);
      settle?.();
      return scalar(0);
    });
  };

  return {
    parameters: [
      { name: '_codebook.initted', variable: initted, trainable: false },
      { name: '_codebook.cluster_size', variable: sizes, trainable: false },
      { name: '_codebook.embed_avg', variable: sums, trainable: false },
      {
        name: '_codebook.embed',
        variable: embed,
        trainable: embed.trainable,
        ...(onSphere && { layout: { toTorch: (held: Tensor) => held.clone(), fromTorch: toSphere } }),
      },
    ],
    trainingState: start.trainingState,
    nearest: (b, rows) => book(b).search.nearest(rows),
    codes: (b, indices) => gatherCodes(book(b).codes.get(), indices),
    all: (b) => book(b).codes.get(),
    trainable: bookOf,

    initialise(rows, weights) {
      if (start.waits()) update(rows, weights, (tokens, old) => start.place(tokens, old, weights !== undefined));
    },

    learn(rows, indices, weights) {
      const revives = thresholdEmaDeadCode > 0;
      if (learnableCodebook && !revives) return;
      update(rows, weights, (tokens, old) => ({
        states: tokens.map(({ x, weights }, b) => {
          const before = old[b] as BookState;
          const batch = clustersOf(x, indices[b] as Tensor1D, weights, k);
          const averages = emaStep(followed(before, b), batch, config);
          const state = learnableCodebook ? { ...averages, codes: before.codes } : averages;
          const next = revives ? revive(state, x, weights, config, rng) : state;
          return choose(greater(sum(weights), 0) as Scalar, next, before);
        }),
      }));
    },

    loaded: () => start.loaded(),
    dispose() {
      start.dispose();
      for (const { codes, search } of found) {
        search.dispose();
        codes.dispose();
      }
    },
  };
}

/** How codes and tokens come to where the nearest one is searched; `unit` are those that have length 1 already. */
const COMPARED: Readonly<Record<Exclude<VqMetric, 'euclidean'> | 'unit', readonly [codes: ToSpace, rows: ToSpace]>> = {
  unit: [orNaN, orNaN],
  cosine: [unitsOrNaN, unitsOrNaN],
  dot: [
    lifted,
    (rows) =>
      pad(unitsOrNaN(rows), [
        [0, 0],
        [0, 1],
      ]),
  ],
};
type ToSpace = (rows: Tensor2D) => Tensor2D;

/**
 * The nearest code; for cosine similarity among codes of length 1, where that is the code of the highest cosine. A code without a
 * direction is never found there, and a token without one gets the first code that has one.
 */
function searchOf(codes: Derived<Tensor2D>, embed: Variable, metric: VqMetric | 'unit'): CodeSearch {
  if (metric === 'euclidean') return codeSearch(codes);
  const [ofCodes, ofRows] = COMPARED[metric];
  const space = derived([embed], () => ofCodes(codes.get()), [codes]);
  const search = codeSearch(space);
  return {
    nearest: (rows) => search.nearest(withoutGradient(() => ofRows(rows))),
    dispose() {
      search.dispose();
      space.dispose();
    },
  };
}

function unitsOrNaN(rows: Tensor2D): Tensor2D {
  return orNaN(unitLength(rows, 1));
}

/**
 * One feature more puts codes on a sphere, c → (c, √(M² - |c|²)) / M with M the length of the longest: among these the direction nearest to (x, 0) is
 * that of the largest ⟨x, c⟩ (Bachrach et al., "Speeding up the Xbox recommender system", 2014).
 */
function lifted(codes: Tensor2D): Tensor2D {
  const squares = sum(square(codes), 1, true);
  const most = max(squares);
  const height = sqrt(relu(sub(most, squares)));
  return div(concat([codes, height], 1), sqrt(most));
}

/** NaN, which is near to nothing, in place of rows without a direction. */
function orNaN(units: Tensor2D): Tensor2D {
  return selectRows(hasDirection(units), units, fill(units.shape, Number.NaN) as Tensor2D);
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
