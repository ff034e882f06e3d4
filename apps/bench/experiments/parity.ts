import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Experiment, Outcome, Table, Verdict } from '../src/experiment.ts';
import { compareIds, writeExpected } from '../src/parity/processes.ts';
import {
  ENGINES,
  type EngineMissing,
  type EngineName,
  type ExpectedFiles,
  type ParityFound,
  QUANTIZERS,
  type QuantizerName,
} from '../src/parity/task.ts';

const FULL = 10_000_000;
const QUICK = 100_000;

const TITLES: Record<QuantizerName, string> = {
  fsq: 'FSQ [8, 5, 5, 5]',
  lfq: 'LFQ, 10 bits',
  simvq: 'SimVQ, 256 codes of 8 features',
  vq: 'VQ, 256 codes of 8 features',
  exact: 'SimVQ, 256 codes of 8 features, exact: true',
  'exact-ties': 'SimVQ, 8 codes of 4 features, exact: true, half of the vectors in the middle between two codes',
};

/** Ids that hang on comparisons alone; and ids that hang on sums. */
const COMPARED: readonly QuantizerName[] = ['fsq', 'lfq'];
const SUMMED: readonly QuantizerName[] = ['simvq', 'vq'];

/** Quantizers that see the vectors and the codes of another one, and so must give the same ids in float64. */
const SAME_VECTORS: Partial<Record<QuantizerName, QuantizerName>> = { exact: 'simvq' };

/** Upper ends of the margins' bins, in ulp. */
const BINS = [0.25, 0.5, 1, 2, 4, Number.POSITIVE_INFINITY];
const ALLOWED_ULPS = 4;

interface Cell {
  readonly quantizer: QuantizerName;
  readonly engine: EngineName;
  readonly found: ParityFound | EngineMissing;
}

type RunCell = Cell & { readonly found: ParityFound };

export const parity: Experiment = {
  name: 'parity',
  question: 'Do all engines give the same ids, and are they those of float64?',
  method: `Random normal vectors (seeded, 65,536 a call) are encoded by each quantizer on each engine, in a process of its own, and every id
is compared with the paper's formula in float64. For each difference the margin is measured: in FSQ how far the nearest feature is from the
step of its staircase, in ulp of the feature; in the nearest code by how much the other code is farther away, in ulp of the larger of
|x|² and |c|². Two engines differ where one has an id that the other has not. The brute force of the nearest code in float64 wants few codes of
few features: 256 of 8. The codes are the same numbers on every engine. ${FULL.toLocaleString('en-US')} vectors for each quantizer and engine.
\`exact: true\` is also tried on as many vectors of which half lie in the middle between two codes.`,
  expected: `FSQ and LFQ: no differences between engines, because their ids are comparisons with the same float32 thresholds; from float64 only a
vector that lies on a threshold to within half an ulp. The nearest code: differences only where two codes are within 4 ulp, because engines
add in different orders. With \`exact: true\` none.`,
  parts: () => ENGINES.length * QUANTIZERS.length,

  async run(context): Promise<Outcome> {
    const tokens = context.quick ? QUICK : FULL;
    const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
    try {
      const files = new Map<QuantizerName, Promise<ExpectedFiles>>();
      const expected = (quantizer: QuantizerName): Promise<ExpectedFiles> => {
        const found = files.get(quantizer) ?? writeExpected(quantizer, tokens, folder);
        files.set(quantizer, found);
        return found;
      };
      const cells: Cell[] = [];
      for (const quantizer of QUANTIZERS) {
        for (const engine of ENGINES) {
          const task = { engine, quantizer, tokens };
          const found = await context.part(`${quantizer} on ${engine}`, { ...task }, async () =>
            compareIds(task, await expected(SAME_VECTORS[quantizer] ?? quantizer)),
          );
          if ('missing' in found) context.log(`${engine} does not run here: ${found.missing}`);
          cells.push({ quantizer, engine, found });
        }
      }
      return outcomeOf(cells);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function outcomeOf(cells: readonly Cell[]): Outcome {
  const ran = cells.filter((cell): cell is RunCell => !('missing' in cell.found));
  const missing = ENGINES.filter((engine) => !ran.some((cell) => cell.engine === engine));
  const of = (names: readonly QuantizerName[]): RunCell[] => ran.filter(({ quantizer }) => names.includes(quantizer));
  const [compared, summed, exact] = [of(COMPARED), of(SUMMED), of(['exact', 'exact-ties'])];
  const widest = Math.max(0, ...summed.map(({ found }) => largestMargin(found)));
  const engines = [...new Set(ran.map(({ engine }) => engine))];
  return {
    tables: [differencesTable(cells), marginsTable(summed)],
    plots: [],
    verdicts: [
      verdict(
        'FSQ and LFQ give the same ids on every engine',
        '0 differences between engines',
        sum(compared.map((cell) => betweenEngines(cell, compared))),
        (count) => count === 0,
        `engines: ${engines.join(', ')}`,
      ),
      verdict(
        'The nearest code differs from float64 only where two codes are within 4 ulp',
        `at most ${ALLOWED_ULPS} ulp`,
        widest,
        (ulps) => ulps <= ALLOWED_ULPS,
        `${sum(summed.map(({ found }) => found.differences))} of ${sum(summed.map(({ found }) => found.tokens))} ids differ`,
      ),
      verdict(
        'exact: true gives the ids of float64 on every engine',
        '0 differences',
        sum(exact.map(({ found }) => found.differences)),
        (count) => count === 0,
        `${sum(exact.map(({ found }) => found.tokens))} ids`,
      ),
    ],
    answer: `On ${engines.join(', ')}${missing.length === 0 ? '' : ` (${missing.join(', ')} did not run)`}: FSQ and LFQ differ between engines in
${sum(compared.map((cell) => betweenEngines(cell, compared)))} of ${sum(compared.map(({ found }) => found.tokens))} ids. The nearest code differs
from float64 in ${sum(summed.map(({ found }) => found.differences))} of ${sum(summed.map(({ found }) => found.tokens))}, by at most
${widest.toPrecision(2)} ulp; with \`exact: true\` in ${sum(exact.map(({ found }) => found.differences))} of
${sum(exact.map(({ found }) => found.tokens))}.`,
  };
}

/** Ids that an engine has otherwise than the first engine of the same quantizer. */
function betweenEngines({ quantizer, found }: RunCell, all: readonly RunCell[]): number {
  const first = all.find((cell) => cell.quantizer === quantizer) as RunCell;
  const tokens = Math.min(found.tokens, first.found.tokens);
  const idsOf = ({ listed }: ParityFound): Set<string> =>
    new Set(listed.filter(([position]) => position < tokens).map(([position, id]) => `${position} ${id}`));
  const [a, b] = [idsOf(found), idsOf(first.found)];
  const positions = [...a, ...b].filter((entry) => !(a.has(entry) && b.has(entry))).map((entry) => entry.split(' ')[0]);
  return new Set(positions).size;
}

function largestMargin({ listed }: ParityFound): number {
  return listed.reduce((most, [, , ulps]) => Math.max(most, ulps), 0);
}

function differencesTable(cells: readonly Cell[]): Table {
  const ran = cells.filter((cell): cell is RunCell => !('missing' in cell.found));
  return {
    title: 'Ids that differ',
    columns: [
      'quantizer',
      'engine',
      'version',
      'vectors',
      'from float64',
      'largest margin, ulp',
      'from the first engine',
      's',
    ],
    rows: cells.map(({ quantizer, engine, found }) =>
      'missing' in found
        ? [TITLES[quantizer], engine, found.missing, null, null, null, null, null]
        : [
            TITLES[quantizer],
            engine,
            found.title,
            found.tokens,
            found.differences,
            found.differences === 0 ? '-' : largestMargin(found),
            betweenEngines({ quantizer, engine, found }, ran),
            found.seconds,
          ],
    ),
  };
}

function marginsTable(cells: readonly RunCell[]): Table {
  const label = (i: number): string =>
    BINS[i] === Number.POSITIVE_INFINITY ? `above ${BINS[i - 1]} ulp` : `to ${BINS[i]} ulp`;
  return {
    title: 'Margins of the differences from float64 in the nearest code',
    columns: ['quantizer', 'engine', ...BINS.map((_, i) => label(i))],
    rows: cells.map(({ quantizer, engine, found }) => [
      TITLES[quantizer],
      engine,
      ...BINS.map(
        (end, i) => found.listed.filter(([, , u]) => u <= end && (i === 0 || u > (BINS[i - 1] as number))).length,
      ),
    ]),
  };
}

function verdict(
  claim: string,
  expected: string,
  measured: number,
  holds: (measured: number) => boolean,
  remark: string,
): Verdict {
  return {
    claim,
    expected,
    measured: String(Number(measured.toPrecision(4))),
    verdict: holds(measured) ? 'reproduced' : 'not reproduced',
    remark,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
