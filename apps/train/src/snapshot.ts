import { join } from 'node:path';
import { readJson, writeFileAtomic } from '@vqkit/checkpoint/node';
import { OptionError, phrase, show } from '@vqkit/core-tensor/errors';
import type { Diagnosis } from '@vqkit/metrics';
import { problemOf } from '@vqkit/schema';
import type { CodeHistogram, CodesEvent, ExamplesEvent, LatentHistograms } from '@vqkit/training';
import { z } from 'zod';
import { latentHistograms } from './report-schema.ts';

const FILE = 'snapshot.json';
/** Numbers of the examples that a file keeps: as many examples as fit. */
const MOST_NUMBERS = 2 ** 18;
/** Changes of the diagnosis that a file keeps, the newest. */
const MOST_DIAGNOSES = 200;

/** How often each code was used in the newest validation, and when last in any. */
export interface CodeAges extends CodeHistogram {
  /** Of each of these codes, the step of the newest validation that had it. */
  readonly lastUsed: readonly number[];
}

/** What the diagnosis found from a step on, until the next of the list. */
export interface DatedDiagnosis {
  readonly step: number;
  readonly found: readonly Diagnosis[];
}

/** The state of a run at its newest validation: snapshot.json of the run folder. */
export interface Snapshot {
  readonly formatVersion: 1;
  readonly step: number;
  /** One per codebook; codes that were ever used. */
  readonly codebooks: readonly CodeAges[];
  /** Absent in files of earlier versions. */
  readonly latents?: LatentHistograms | undefined;
  readonly diagnoses: readonly DatedDiagnosis[];
  /** The first held-out examples, of one shape, and what the tokenizer makes of them. */
  readonly examples: {
    readonly count: number;
    readonly shape: readonly number[];
    readonly originals: readonly number[];
    readonly reconstructions: readonly number[];
    /** Token ids, one example after the other. */
    readonly ids: readonly number[];
  };
}

const whole = z.int().min(0);
const numbers = z.array(
  z
    .number()
    .nullable()
    .transform((value) => value ?? Number.NaN),
);
const text = z.string();
const snapshot = z.object({
  formatVersion: z.literal(1),
  step: whole,
  codebooks: z
    .array(
      z
        .object({ codebookSize: whole.min(1), codes: z.array(whole), counts: z.array(whole), lastUsed: z.array(whole) })
        .refine(
          ({ codebookSize, codes, counts, lastUsed }) =>
            counts.length === codes.length &&
            lastUsed.length === codes.length &&
            codes.every((code) => code < codebookSize),
          'a count and a step for each code below codebookSize',
        ),
    )
    .min(1),
  latents: latentHistograms.optional(),
  diagnoses: z.array(
    z.object({
      step: whole,
      found: z.array(z.object({ problem: text, severity: text, evidence: text, remedy: text })),
    }),
  ),
  examples: z
    .object({
      count: whole,
      shape: z.array(whole.min(1)).min(1),
      originals: numbers,
      reconstructions: numbers,
      ids: z.array(z.int()),
    })
    .refine(({ count, shape, originals, reconstructions }) => {
      const expected = shape.reduce((product, length) => product * length, count);
      return originals.length === expected && reconstructions.length === expected;
    }, 'numbers for count × shape'),
});

/**
 * The snapshot of a run, whole: it is never seen half-written.
 * @throws OptionError when there is none, or the file does not hold one.
 */
export async function readSnapshot(folder: string): Promise<Snapshot> {
  const path = join(folder, FILE);
  const fix = 'It is written at every validation of vqkit train.';
  const refuse = (rule: string, found: string): OptionError =>
    new OptionError('readSnapshot', path, `be ${rule}`, phrase(found), fix);
  const json = await readJson(path, refuse);
  const { data, error } = snapshot.safeParse(json);
  if (error === undefined) return data as Snapshot;
  const { path: at, rule, value } = problemOf(error, json);
  throw new OptionError('readSnapshot', `${path}: ${at}`, rule, show(value), fix);
}

/** Keeps the snapshot of a run that trains. */
export interface SnapshotKeeper {
  /** Takes what a validation told of the codes, and writes it with its examples. */
  keep(codes: CodesEvent, found: readonly Diagnosis[], examples: ExamplesEvent): Promise<void>;
}

/**
 * @param reached the step that a resumed run goes on from: what a file knows of later ones is forgotten.
 * @param excerpt cuts examples of more than so many numbers each, where they can be cut.
 */
export async function createSnapshotKeeper(
  folder: string,
  reached: number | undefined,
  excerpt: (examples: ExamplesEvent, most: number) => ExamplesEvent = (examples) => examples,
): Promise<SnapshotKeeper> {
  const before = reached === undefined ? undefined : await readSnapshot(folder).catch(() => undefined);
  const known = before !== undefined && before.step <= (reached ?? 0) ? before : undefined;
  const ages = (known?.codebooks ?? []).map(({ codes, lastUsed }) => {
    return new Map(codes.map((code, i) => [code, lastUsed[i] as number]));
  });
  let diagnoses: readonly DatedDiagnosis[] = known?.diagnoses ?? [];

  return {
    async keep({ step, histograms, latents }, found, examples) {
      const codebooks = histograms.map(({ codebookSize, codes, counts }, book): CodeAges => {
        ages[book] ??= new Map();
        const lastUsed = ages[book];
        for (const code of codes) lastUsed.set(code, step);
        const uses = new Map(codes.map((code, i) => [code, counts[i] as number]));
        const all = [...lastUsed.keys()].sort((a, b) => a - b);
        return {
          codebookSize,
          codes: all,
          counts: all.map((code) => uses.get(code) ?? 0),
          lastUsed: all.map((code) => lastUsed.get(code) ?? step),
        };
      });
      const problems = (list: readonly Diagnosis[]): string =>
        list.map(({ problem, severity }) => problem + severity).join();
      const last = diagnoses.at(-1);
      if (problems(last?.found ?? []) !== problems(found))
        diagnoses = [...diagnoses, { step, found }].slice(-MOST_DIAGNOSES);
      const value: Snapshot = {
        formatVersion: 1,
        step,
        codebooks,
        latents,
        diagnoses,
        examples: small(excerpt(examples, MOST_NUMBERS / 4)),
      };
      await writeFileAtomic(join(folder, FILE), JSON.stringify(value));
    },
  };
}

function small({ pairs, ids = [] }: ExamplesEvent): Snapshot['examples'] {
  const { shape, originals, reconstructions } = pairs;
  const numbers = shape.reduce((product, length) => product * length, 1);
  const count = Math.min(pairs.count, Math.floor(MOST_NUMBERS / Math.max(1, numbers)));
  return {
    count,
    shape,
    originals: originals.slice(0, count * numbers),
    reconstructions: reconstructions.slice(0, count * numbers),
    ids: pairs.count === 0 ? [] : ids.slice(0, (ids.length / pairs.count) * count),
  };
}
