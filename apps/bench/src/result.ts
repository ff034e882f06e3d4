import { readFile } from 'node:fs/promises';
import { DataError, phrase, reason, show } from '@vqkit/core-tensor';
import { z } from 'zod';
import { type Environment, environmentSchema } from './environment.ts';
import type { Outcome } from './experiment.ts';

/** Version of the form of a results file. A file of another version is never guessed at. */
export const RESULT_VERSION = 2;

/** What results/<experiment>.json holds: the run, and what each part gave. Tables, plots and texts follow from it (replay.ts). */
export interface StoredResult {
  readonly version: typeof RESULT_VERSION;
  readonly experiment: string;
  readonly question: string;
  readonly method: string;
  readonly expected: string;
  /** What to type to repeat it. */
  readonly command: string;
  readonly quick: boolean;
  readonly seeds: readonly number[];
  /** When it was finished, ISO 8601. */
  readonly date: string;
  /** Time of the work in all parts together. */
  readonly seconds: number;
  readonly environment: Environment;
  readonly parts: readonly ResultPart[];
}

/** With what the experiment makes of its parts. */
export interface Result extends StoredResult {
  readonly outcome: Outcome;
}

/** One part of the work as it was measured. */
export interface ResultPart {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly seconds: number;
  readonly value: unknown;
  /** The run that measured it, where it was taken over from an earlier result. */
  readonly from?: Origin | undefined;
}

/** Which run a part comes from. */
interface Origin {
  readonly date: string;
  readonly commit: string | null;
}

const axis = z.strictObject({ label: z.string(), scale: z.enum(['linear', 'log']).optional() });
const point = z.tuple([z.number(), z.number()]);
const pictureName = z.string().regex(/^[a-z0-9-]+$/);
const settings = z.strictObject({ label: z.string(), ticks: z.array(z.string()) });

const outcomeSchema: z.ZodType<Outcome> = z.strictObject({
  tables: z.array(
    z.strictObject({
      title: z.string(),
      columns: z.array(z.string()),
      rows: z.array(z.array(z.union([z.string(), z.number(), z.null()]))),
    }),
  ),
  plots: z.array(
    z.union([
      z.strictObject({
        name: pictureName,
        title: z.string(),
        x: axis,
        y: axis,
        series: z.array(
          z.strictObject({ label: z.string(), points: z.array(point), spread: z.array(point).optional() }),
        ),
      }),
      z.strictObject({
        name: pictureName,
        title: z.string(),
        x: settings,
        y: settings,
        value: z.string(),
        cells: z.array(z.array(z.number().nullable())),
      }),
    ]),
  ),
  verdicts: z.array(
    z.strictObject({
      claim: z.string(),
      expected: z.string(),
      measured: z.string(),
      predicted: z.boolean().nullable().optional(),
      verdict: z.enum(['reproduced', 'not reproduced', 'undecided', 'beyond reach here']),
      remark: z.string(),
    }),
  ),
  answer: z.string(),
  measurements: z
    .array(
      z.strictObject({
        name: z.string(),
        unit: z.string(),
        better: z.enum(['lower', 'higher']),
        samples: z.array(z.number()).min(1),
      }),
    )
    .optional(),
});

const resultSchema: z.ZodType<StoredResult> = z.strictObject({
  version: z.literal(RESULT_VERSION),
  experiment: z.string(),
  question: z.string(),
  method: z.string(),
  expected: z.string(),
  command: z.string(),
  quick: z.boolean(),
  seeds: z.array(z.int().min(0)),
  date: z.iso.datetime(),
  seconds: z.number(),
  environment: environmentSchema,
  parts: z.array(
    z.strictObject({
      name: z.string(),
      settings: z.record(z.string(), z.unknown()),
      seconds: z.number(),
      value: z.unknown(),
      from: z.strictObject({ date: z.iso.datetime(), commit: z.string().nullable() }).optional(),
    }),
  ),
});

/**
 * The outcome as JSON will give it back, checked: a number that is not finite becomes null, which is "not measured" in a table, and is
 * left out of a plot.
 * @throws DataError when the experiment returned something else than an outcome.
 */
export function checkedOutcome(experiment: string, outcome: Outcome): Outcome {
  const finite = (pair: readonly [number, number]): boolean => pair.every(Number.isFinite);
  const plots = outcome.plots.map((plot) =>
    'cells' in plot
      ? plot
      : {
          ...plot,
          series: plot.series.map(({ label, points, spread }) => ({
            label,
            points: points.filter(finite),
            ...(spread === undefined ? {} : { spread: spread.filter((_, i) => finite(points[i] ?? [Number.NaN, 0])) }),
          })),
        },
  );
  const checked = outcomeSchema.safeParse(JSON.parse(JSON.stringify({ ...outcome, plots })));
  if (checked.success) return checked.data;
  throw new DataError(
    'bench',
    `the outcome of ${experiment}`,
    'have the form of Outcome (src/experiment.ts)',
    phrase(firstIssue(checked.error)),
    'Mend the experiment; its finished parts are kept.',
  );
}

/**
 * Reads a results file.
 * @throws DataError when it is missing, damaged, or of another version; the file is left as it is.
 */
export async function readStored(path: string): Promise<StoredResult> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new DataError(
      'bench',
      path,
      'be a readable results file',
      reason(error),
      'Check the path, or make it with: pnpm bench <experiment>.',
    );
  }
  const { version } = z.looseObject({ version: z.unknown() }).catch({ version: undefined }).parse(json);
  if (version !== RESULT_VERSION) {
    throw new DataError(
      'bench',
      path,
      `be a results file of version ${RESULT_VERSION}`,
      phrase(`version ${show(version)}`, version),
      'Run the experiment again with --out to another folder, or read the file with the vqkit that wrote it; nothing was changed.',
    );
  }
  const result = resultSchema.safeParse(json);
  if (result.success) return result.data;
  throw new DataError(
    'bench',
    path,
    'have the form of a results file',
    phrase(firstIssue(result.error)),
    'Run the experiment again; nothing was changed.',
  );
}

/** The text of a results file: one line for each part, so that a diff shows what was measured anew. */
export function storedText({ parts, ...run }: StoredResult): string {
  const fields = Object.entries(run).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  const lines = parts.map((part) => JSON.stringify(part)).join(',\n');
  return `{\n${fields.join(',\n')},\n"parts": [\n${lines}\n]\n}\n`;
}

function firstIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  return issue === undefined ? 'something else' : `${issue.message} at ${issue.path.join('.') || 'the top'}`;
}
