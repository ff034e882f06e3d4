import {
  add,
  matMul,
  mul,
  softmax,
  square,
  sub,
  sum,
  type Tensor2D,
  tensor2d,
  tidy,
  transpose,
} from '@tensorflow/tfjs-core';
import { createRng, type Rng } from '@vqkit/core-tensor';
import type { Experiment, ExperimentContext, Outcome, Table, Verdict } from '../src/experiment.ts';
import { numberText } from '../src/markdown.ts';
import { percent } from '../src/training/summary.ts';
import { startTrainingEngine } from '../src/training/train-tokens.ts';

/**
 * Is `-2⟨x, c⟩` a wrong distance for LFQ unless x is normalised? The published experiment has a random Gaussian codebook, whose codes
 * differ in length. LFQ's codes are {±s}^d, which all have one length. Both are measured here.
 */
export const lfqDistance: Experiment = {
  name: 'lfq-distance',
  question:
    'LFQ uses the dot product in place of the Euclidean distance: is that wrong unless the input is normalised?',
  method: [
    'Gaussian codebooks (the published counter-example): K codes and inputs from N(0, 1) in d features, in float64; how often do the',
    'nearest code and the code of the largest dot product agree, when nothing, the inputs, the codes or both are normalised, and when',
    "every code has length 5. Binary codebooks {±s}^d, LFQ's own: inputs of rms 0.02 to 1,000 and of mean 5, indices by distance, dot",
    'product and sign in float64, and `softmax(-τ|x-c|²)` and `softmax(2τ⟨x,c⟩)` in float64 and in float32 on the wasm engine, against',
    "the product of the bits' probabilities in float64.",
  ].join(' '),
  expected:
    "|x-c|² = |x|² + |c|² - 2⟨x,c⟩, and |x|² is the same for every code. So only the lengths of the codes can matter: Gaussian codes disagree whatever is done to the inputs, codes of one length always agree, and LFQ's indices and probabilities are the same in both forms for any input. In float32 the full form loses more digits.",
  parts: () => 2,
  run,
};

interface Agreement {
  readonly codes: number;
  readonly dim: number;
  readonly raw: number;
  readonly inputs: number;
  readonly codesOnly: number;
  readonly both: number;
  readonly equalLength: number;
}

interface Binary {
  readonly dim: number;
  readonly scale: number;
  readonly inputs: string;
  readonly tokens: number;
  /** Share of tokens where distance, dot product and sign give one index, float64. */
  readonly agree: number;
  /** Largest difference of a probability between the two forms, float64. */
  readonly difference: number;
  /** In float32: largest error of a probability and share of wrong indices, of each form. */
  readonly fullError: number;
  readonly dotError: number;
  readonly fullWrong: number;
  readonly dotWrong: number;
}

const SHAPES = [
  { codes: 10, dim: 3 },
  { codes: 256, dim: 8 },
  { codes: 1024, dim: 32 },
];
const BINARY = [
  { dim: 3, scale: 1, rms: 3, mean: 0 },
  { dim: 8, scale: 1, rms: 0.02, mean: 0.02 },
  { dim: 8, scale: 1, rms: 1, mean: 0 },
  { dim: 8, scale: 0.5, rms: 3, mean: 0 },
  { dim: 8, scale: 1, rms: 1, mean: 5 },
  { dim: 10, scale: 1, rms: 100, mean: 0 },
  { dim: 10, scale: 1, rms: 1000, mean: 0 },
];
/** τ of the reference library. */
const TEMPERATURE = 100;

async function run(context: ExperimentContext): Promise<Outcome> {
  const trials = context.quick ? 20 : 200;
  const tokens = context.quick ? 100 : 2000;
  const gaussian = await context.part('Gaussian codebooks', { trials, shapes: SHAPES }, async () =>
    SHAPES.map((shape) => agreementOf(shape, trials)),
  );
  const binary = await context.part('binary codebooks', { tokens, cases: BINARY, TEMPERATURE }, async () => {
    await startTrainingEngine();
    const rows: Binary[] = [];
    for (const setting of BINARY) rows.push(await binaryOf(setting, tokens));
    return rows;
  });
  return {
    tables: tablesOf(gaussian, binary),
    plots: [],
    verdicts: verdictsOf(gaussian, binary),
    answer: answerOf(gaussian, binary),
  };
}

/** Every trial is a codebook of its own and ten inputs, as in the published experiment. */
function agreementOf({ codes, dim }: { codes: number; dim: number }, trials: number): Agreement {
  const inputs = 10;
  const rng = createRng(1);
  const hits = { raw: 0, inputs: 0, codesOnly: 0, both: 0, equalLength: 0 };
  for (let trial = 0; trial < trials; trial++) {
    const book = vectors(rng, codes, dim);
    const unit = book.map((code) => scaled(code, 1 / length(code)));
    const long = unit.map((code) => scaled(code, 5));
    for (const x of vectors(rng, inputs, dim)) {
      const direction = scaled(x, 1 / length(x));
      const same = (input: readonly number[], table: readonly (readonly number[])[]): number =>
        Number(nearest(input, table) === largestDot(input, table));
      hits.raw += same(x, book);
      hits.inputs += same(direction, book);
      hits.codesOnly += same(x, unit);
      hits.both += same(direction, unit);
      hits.equalLength += same(x, long);
    }
  }
  const share = (count: number): number => count / (trials * inputs);
  return {
    codes,
    dim,
    raw: share(hits.raw),
    inputs: share(hits.inputs),
    codesOnly: share(hits.codesOnly),
    both: share(hits.both),
    equalLength: share(hits.equalLength),
  };
}

async function binaryOf({ dim, scale, rms, mean }: (typeof BINARY)[number], tokens: number): Promise<Binary> {
  const rng = createRng(dim);
  const codes = Array.from({ length: 2 ** dim }, (_, index) =>
    Array.from({ length: dim }, (_, i) => ((index >> (dim - 1 - i)) & 1 ? scale : -scale)),
  );
  // Rounded to float32 first, so that the engine gets the very same numbers.
  const inputs = vectors(rng, tokens, dim).map((x) => x.map((value) => Math.fround(mean + rms * value)));
  const full = await float32Forms(inputs, codes, true);
  const dot = await float32Forms(inputs, codes, false);
  let [agree, difference, fullError, dotError, fullWrong, dotWrong] = [0, 0, 0, 0, 0, 0];
  for (const [n, x] of inputs.entries()) {
    const sign = x.reduce((index, value) => 2 * index + Number(value > 0), 0);
    agree += Number(nearest(x, codes) === sign && largestDot(x, codes) === sign);
    const byDistance = softmaxOf(codes.map((code) => -TEMPERATURE * squaredDistance(x, code)));
    const byDot = softmaxOf(codes.map((code) => 2 * TEMPERATURE * product(x, code)));
    const exact = bitProducts(x.map((value) => 4 * TEMPERATURE * scale * value));
    for (let k = 0; k < codes.length; k++) {
      const at = n * codes.length + k;
      difference = Math.max(difference, Math.abs((byDistance[k] as number) - (byDot[k] as number)));
      fullError = Math.max(fullError, Math.abs((full.probabilities[at] as number) - (exact[k] as number)));
      dotError = Math.max(dotError, Math.abs((dot.probabilities[at] as number) - (exact[k] as number)));
    }
    fullWrong += Number(full.indices[n] !== sign);
    dotWrong += Number(dot.indices[n] !== sign);
  }
  return {
    dim,
    scale,
    inputs: mean === 0 ? `rms ${rms}` : `N(${mean}, ${rms})`,
    tokens,
    agree: agree / tokens,
    difference,
    fullError,
    dotError,
    fullWrong: fullWrong / tokens,
    dotWrong: dotWrong / tokens,
  };
}

/** Probabilities and indices in float32 as a library computes them: by the expanded squared distance, or by the dot product alone. */
async function float32Forms(
  inputs: readonly (readonly number[])[],
  codes: readonly (readonly number[])[],
  full: boolean,
): Promise<{ probabilities: Float32Array; indices: number[] }> {
  const scores = tidy(() => {
    const [x, c] = [tensor2d(inputs as number[][]), tensor2d(codes as number[][])];
    const dots: Tensor2D = matMul(x, transpose(c));
    if (!full) return mul(dots, 2 * TEMPERATURE) as Tensor2D;
    const lengths = add(sum(square(x), 1, true), sum(square(c), 1)) as Tensor2D;
    return mul(sub(lengths, mul(dots, 2)), -TEMPERATURE) as Tensor2D;
  });
  const probabilities = tidy(() => softmax(scores));
  const [values, shares] = await Promise.all([scores.data(), probabilities.data()]);
  scores.dispose();
  probabilities.dispose();
  const indices = inputs.map((_, n) => {
    let best = 0;
    for (let k = 1; k < codes.length; k++) {
      if ((values[n * codes.length + k] as number) > (values[n * codes.length + best] as number)) best = k;
    }
    return best;
  });
  return { probabilities: shares as Float32Array, indices };
}

/** The probability of every code as the product over its bits, σ(±z), most significant bit first. */
function bitProducts(logits: readonly number[]): number[] {
  return logits.reduce<number[]>(
    (shares, z) => shares.flatMap((share) => [share / (1 + Math.exp(z)), share / (1 + Math.exp(-z))]),
    [1],
  );
}

function softmaxOf(scores: readonly number[]): number[] {
  const most = scores.reduce((a, b) => Math.max(a, b));
  const powers = scores.map((score) => Math.exp(score - most));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
}

function vectors(rng: Rng, count: number, dim: number): number[][] {
  return Array.from({ length: count }, () => Array.from({ length: dim }, () => rng.normal()));
}

function nearest(x: readonly number[], table: readonly (readonly number[])[]): number {
  return best(table, (code) => -squaredDistance(x, code));
}

function largestDot(x: readonly number[], table: readonly (readonly number[])[]): number {
  return best(table, (code) => product(x, code));
}

function best(table: readonly (readonly number[])[], score: (code: readonly number[]) => number): number {
  let winner = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (const [index, code] of table.entries()) {
    const value = score(code);
    if (value > most) [winner, most] = [index, value];
  }
  return winner;
}

function squaredDistance(a: readonly number[], b: readonly number[]): number {
  return a.reduce((total, value, i) => total + (value - (b[i] as number)) ** 2, 0);
}

function product(a: readonly number[], b: readonly number[]): number {
  return a.reduce((total, value, i) => total + value * (b[i] as number), 0);
}

function length(a: readonly number[]): number {
  return Math.sqrt(product(a, a));
}

function scaled(a: readonly number[], factor: number): number[] {
  return a.map((value) => value * factor);
}

function tablesOf(gaussian: readonly Agreement[], binary: readonly Binary[]): Table[] {
  return [
    {
      title: 'Gaussian codebook: how often nearest code and largest dot product agree',
      columns: ['codes', 'features', 'nothing normalised', 'inputs only', 'codes only', 'both', 'codes of length 5'],
      rows: gaussian.map((row) => [
        row.codes,
        row.dim,
        ...[row.raw, row.inputs, row.codesOnly, row.both, row.equalLength].map(percent),
      ]),
    },
    {
      title: `Binary codebook {±s}^d: distance against dot product, τ = ${TEMPERATURE}`,
      columns: [
        'd (bits per token)',
        's',
        'inputs',
        'tokens',
        'indices agree (float64)',
        'largest difference of a probability (float64)',
        'float32 error, full distance',
        'float32 error, dot product',
        'wrong indices, full distance',
        'wrong indices, dot product',
      ],
      rows: binary.map((row) => [
        row.dim,
        row.scale,
        row.inputs,
        row.tokens,
        percent(row.agree),
        row.difference,
        row.fullError,
        row.dotError,
        percent(row.fullWrong),
        percent(row.dotWrong),
      ]),
    },
  ];
}

function verdictsOf(gaussian: readonly Agreement[], binary: readonly Binary[]): Verdict[] {
  const range = (pick: (row: Agreement) => number): string => {
    const values = gaussian.map(pick);
    return `${percent(Math.min(...values))} to ${percent(Math.max(...values))}`;
  };
  const least = (pick: (row: Agreement) => number): number => Math.min(...gaussian.map(pick));
  const most = (pick: (row: Agreement) => number): number => Math.max(...gaussian.map(pick));
  const worst = Math.min(...binary.map(({ agree }) => agree));
  return [
    {
      claim: 'With a random Gaussian codebook the two distances pick different codes.',
      expected: 'they disagree often',
      measured: `agreement ${range(({ raw }) => raw)}`,
      verdict: most(({ raw }) => raw) < 0.95 ? 'reproduced' : 'not reproduced',
      remark: "True, but this is not LFQ's codebook: these codes differ in length.",
    },
    {
      claim: 'Normalising the inputs makes them agree.',
      expected: 'no: |x| is the same for every code',
      predicted: false,
      measured: `inputs only ${range(({ inputs }) => inputs)}, codes only ${range(({ codesOnly }) => codesOnly)}`,
      verdict: least(({ inputs }) => inputs) > 0.999 ? 'reproduced' : 'not reproduced',
      remark: 'What has to be of one length are the codes. Normalising both works because it normalises the codes.',
    },
    {
      claim: 'LFQ picks wrong codes when its input is not normalised.',
      expected: 'no: its codes all have length s√d',
      predicted: false,
      measured: `distance, dot product and sign agree for ${percent(worst)} of the tokens of every case`,
      verdict: worst === 1 ? 'not reproduced' : 'reproduced',
      remark: 'The index is the sign of each feature, and no distance is ever computed for it.',
    },
  ];
}

function answerOf(gaussian: readonly Agreement[], binary: readonly Binary[]): string {
  const [first] = gaussian as [Agreement];
  const worst = Math.min(...binary.map(({ agree }) => agree));
  const difference = Math.max(...binary.map((row) => row.difference));
  const full = Math.max(...binary.map(({ fullError }) => fullError));
  const dot = Math.max(...binary.map(({ dotError }) => dotError));
  const lost = binary.reduce((a, b) => (b.fullWrong > a.fullWrong ? b : a));
  const wrongCodes =
    lost.fullWrong === 0
      ? 'Neither picked a wrong code for any token here.'
      : `With ${lost.inputs} in ${lost.dim} features the expanded distance picks a wrong code for ${percent(lost.fullWrong)} of the tokens, the dot product for ${percent(lost.dotWrong)}; the sign, which is what LFQ uses, for none.`;
  return [
    `**${worst === 1 ? 'No' : 'Not always, in this run'}.** For any x, \`|x-c|² = |x|² + |c|² - 2⟨x,c⟩\`. |x|² is the same for every code, so the two distances order codes alike whenever the codes have one length; the length of x does not come into it. LFQ's codes are {±s}^d, all of length s√d. In ${binary.length} cases, with inputs of rms 0.02 to 1,000 and with a mean of 5, distance, dot product and sign gave the same index for ${percent(worst)} of the tokens, and \`softmax(-τ|x-c|²)\` and \`softmax(2τ⟨x,c⟩)\` differed by at most ${numberText(difference, 2)} in float64.`,
    `The often quoted experiment is right about another codebook. With ${first.codes} random Gaussian codes in ${first.dim} features the two agree for ${percent(first.raw)} of the inputs. Normalising the inputs leaves it at ${percent(first.inputs)}; normalising only the codes gives ${percent(first.codesOnly)}, and so does giving every code the length 5 (${percent(first.equalLength)}).`,
    `In float32 the ${full > dot ? 'full distance' : 'dot product'} is the worse of the two: probabilities of the full distance, where τ|x|² takes up the digits, are off by up to ${numberText(full, 2)}, those of the dot product by up to ${numberText(dot, 2)}. ${wrongCodes}`,
    'So what do people see when LFQ trains badly without normalisation? The scale of the latents drifts: see [lfq-scale-drift](lfq-scale-drift.md).',
  ].join('\n\n');
}
