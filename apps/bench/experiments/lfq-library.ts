import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runToEnd } from '../src/child.ts';
import type { Experiment, Outcome } from '../src/experiment.ts';
import { numberText } from '../src/markdown.ts';
import { PACKAGE_FOLDER } from '../src/paths.ts';

const COMMITS = ['e244d47', 'ff26058', '4a643eb'] as const;
/** Bits, rms of an input, tokens. */
const CASES = [
  [3, 1, 2000],
  [8, 0.02, 2000],
  [8, 1, 2000],
  [10, 3, 1000],
  [10, 100, 1000],
] as const;
const THREADS = 'https://github.com/lucidrains/vector-quantize-pytorch/issues';

/** What one commit gave, beside the one before the change. */
interface Beside {
  readonly ids: number;
  /** Probabilities that are not the same bit for bit. */
  readonly bits: number;
  /** The largest difference of one. */
  readonly probability: number;
  /** How far one lies from float64's at most. */
  readonly error: number;
  /** Norm of the difference of the entropy loss's gradients, over that of the first. */
  readonly gradient: number;
}

interface Found {
  readonly values: number;
  readonly commits: readonly (Beside | null)[];
}

export const lfqLibrary: Experiment = {
  name: 'lfq-library',
  question: "What did calculating LFQ's full Euclidean distance change in vector-quantize-pytorch, and its reversal?",
  method: `LFQ of vector-quantize-pytorch from its sources before the change (e244d47), with it (ff26058, issue #120, pull request #121) and after its reversal (4a643eb), which \`--data\` names a clone of, on the same inputs from N(0, rms²), τ = 100, γ = 1, in training. Compared are the ids, bit by bit the
probabilities that it takes the softmax of, the gradient of its entropy loss, and each against float64's product over the bits, in which bit i is 1 with log-odds 4τs z_i.`,
  expected:
    'The same ids in all three, and before and after the same bits of every probability. With the full distance |x|² and d s² are added to every logit, which changes rounding alone.',
  parts: () => 1,

  async run({ part, python, dataDir, log }): Promise<Outcome> {
    const found = await part('three commits', { commits: COMMITS, cases: CASES }, async (): Promise<Found[] | null> => {
      const isClone = dataDir !== undefined && ['HEAD', '.git'].some((name) => existsSync(join(dataDir, name)));
      if (!isClone || python === undefined) {
        log('Not measured: pass a clone of lucidrains/vector-quantize-pytorch as --data, and --python.');
        return null;
      }
      const peer = join(PACKAGE_FOLDER, 'peers/lfq_versions.py');
      const lines = await runToEnd(python, [peer, dataDir, JSON.stringify(COMMITS), JSON.stringify(CASES)]);
      return lines
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Found);
    });
    return outcomeOf(found);
  },
};

function outcomeOf(found: readonly Found[] | null): Outcome {
  const at = (commit: number): Beside[] => (found ?? []).flatMap(({ commits }) => commits[commit] ?? []);
  const [before, full, after] = [at(0), at(1), at(2)];
  const measured = [before, full, after].every(({ length }) => length === CASES.length);
  const most = (rows: readonly Beside[], pick: (row: Beside) => number): number => Math.max(...rows.map(pick));
  const judged = (holds: () => boolean) =>
    measured ? (holds() ? ('reproduced' as const) : ('not reproduced' as const)) : ('beyond reach here' as const);
  const ids = most([...full, ...after], (row) => row.ids);
  const difference = most(full, ({ probability }) => probability);
  return {
    tables: [
      {
        title: 'Beside e244d47, before the change',
        columns: [
          'd, rms of z',
          'ids that differ, full distance',
          'probabilities not the same bit for bit, full distance',
          'largest difference of one',
          'relative difference of the gradient',
          'probabilities not the same bit for bit, after the reversal',
          'error against float64, dot product',
          'error against float64, full distance',
        ],
        rows: CASES.map(([bits, rms], i) => [
          `${bits}, ${rms}`,
          full[i]?.ids ?? null,
          full[i] === undefined ? null : `${full[i].bits} of ${found?.[i]?.values}`,
          full[i]?.probability ?? null,
          full[i]?.gradient ?? null,
          after[i]?.bits ?? null,
          before[i]?.error ?? null,
          full[i]?.error ?? null,
        ]),
      },
    ],
    plots: [],
    verdicts: [
      {
        claim: 'The full distance picks other codes than the dot product.',
        expected: 'no: the id is the sign of each feature in all three commits',
        predicted: false,
        measured: measured ? `${ids} ids differ at most` : 'not measured',
        verdict: judged(() => ids > 0),
        remark: 'No distance is ever computed for an id.',
      },
      {
        claim: 'The full distance changes the probabilities by more than rounding.',
        expected: 'no: |x|² and d s² are added to every logit of a token',
        predicted: false,
        measured: measured ? `differences of ${numberText(difference, 2)} at most` : 'not measured',
        verdict: judged(() => difference > 1e-3),
        remark: 'Float32: of the two neither is the nearer to float64 everywhere.',
      },
      {
        claim: 'The reversal gives back every bit of what was before the change.',
        expected: 'it does',
        measured: measured ? `${most(after, ({ bits }) => bits)} probabilities differ` : 'not measured',
        verdict: judged(() => after.every(({ bits, gradient }) => bits === 0 && gradient === 0)),
        remark: '',
      },
    ],
    answer: measured
      ? [
          `**Nothing but rounding.** One line shows it: softmax(-τ(|x|² + |c|² - 2⟨x,c⟩)) = softmax(2τ⟨x,c⟩), because |x|² and, with codes {±s}^d, |c|² = d s² are the same for all codes of a token, and a softmax does not change when one number is added to all its logits.`,
          `In the library itself, before the change that [#120](${THREADS}/120) asked for ([#121](${THREADS}/121)), with it and after its reversal ([#146](${THREADS}/146) asks what the difference is): ${ids} ids differ in ${CASES.length} cases, probabilities by ${numberText(difference, 2)} at most, and after the reversal every bit is what it was. Where bits are saturated the gradient is nearly 0, and its relative difference is that of rounding errors.`,
          'The factor 2 belongs to it: softmax(τ⟨x,c⟩) without it is softer, as if τ were half. The log-odds of bit i are 4τs z_i, so that |z| sets how soft the probabilities are, as τ does, and changes no id.',
        ].join('\n\n')
      : 'Not measured: the command needs a clone of vector-quantize-pytorch and a Python that has torch.',
  };
}
