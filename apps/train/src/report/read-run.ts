import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { OptionError, show } from '@vqkit/core-tensor/errors';
import { z } from 'zod';
import type { ReportData } from '../report-data.ts';

/** A run that the report shows. */
export interface Run {
  /** Unique among the runs of the report: `LFQ`, or with several of them `LFQ, seed 1` or `LFQ (folder)`. */
  readonly name: string;
  readonly folder: string;
  readonly data: ReportData;
}

/** JSON has no NaN: what could not be measured is stored as null. */
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const count = z.int().min(0);
const text = z.string();

const quality = z.looseObject({ l1: number, mse: number, psnrDb: z.number().nullable(), ssim: z.number().nullable() });
const codes = z.looseObject({
  tokens: count,
  codebookSize: count,
  numCodebooks: count,
  used: number,
  utilization: number,
  perplexity: number,
  bitsPerToken: number,
  layers: z
    .array(
      z.looseObject({
        codebookSize: count,
        used: number,
        utilization: number,
        perplexity: number,
        error: z.number().nullable(),
      }),
    )
    .optional(),
  statistics: z.record(text, number),
});
const progress = { step: count, epoch: number, elapsedSeconds: number };
const trainRecord = z.looseObject({
  ...progress,
  kind: z.literal('train'),
  loss: number,
  reconstruction: number,
  quantizer: number,
  losses: z.record(text, number),
  gradientNorm: number,
  learningRate: number,
});
const validationRecord = z.looseObject({ ...progress, kind: z.literal('validation'), quality, codes });
const images = z
  .looseObject({
    count,
    height: count,
    width: count,
    channels: z.union([z.literal(1), z.literal(3)]),
    originals: z.array(number),
    reconstructions: z.array(number),
  })
  .refine(
    (i) => [i.originals, i.reconstructions].every((p) => p.length === i.count * i.height * i.width * i.channels),
    'pixels for count × height × width × channels',
  );
const histogram = z
  .looseObject({ codebookSize: count, codes: z.array(count), counts: z.array(count) })
  .refine((h) => h.codes.length === h.counts.length, 'as many counts as codes');

const reportData = z.looseObject({
  formatVersion: z.literal(1),
  config: z.looseObject({ quantizer: text, data: text, batchSize: count, seed: count }),
  summary: z.looseObject({
    quantizer: text,
    data: text,
    seed: count,
    steps: count,
    trainImages: count,
    validationImages: count,
    testImages: count,
    skippedImages: count,
    parameters: count,
    test: z.looseObject({ quality, codes }),
    elapsedSeconds: number,
    stepsPerSecond: number,
    engine: text,
  }),
  history: z.array(z.discriminatedUnion('kind', [trainRecord, validationRecord])),
  images,
  histograms: z.array(histogram),
  diagnosis: z.array(z.looseObject({ name: text, severity: text, message: text, remedy: text })),
});

/**
 * Reads report-data.json of every run folder and names the runs.
 * @throws OptionError when there is no folder, or its file is missing, is not JSON or does not hold a run's data.
 */
export async function readRuns(where: string, folders: readonly string[]): Promise<Run[]> {
  if (folders.length === 0) {
    throw new OptionError(`${where}: runFolders must have at least one folder, got none. Pass the folder of a run.`);
  }
  const runs = await Promise.all(folders.map(async (folder) => ({ folder, data: await readRun(where, folder) })));
  const plain = runs.map(({ data }) => quantizerTitle(data.summary.quantizer));
  const seeded = runs.map(({ data }, i) => `${plain[i]}, seed ${data.summary.seed}`);
  return runs.map(({ folder, data }, i) => {
    const unique = [plain, seeded].find((names) => names.filter((name) => name === names[i]).length === 1);
    return { folder, data, name: unique?.[i] ?? `${plain[i]} (${basename(resolve(folder))})` };
  });
}

export async function readRun(where: string, folder: string): Promise<ReportData> {
  const path = join(folder, 'report-data.json');
  const fix = 'Pass the folder of a finished run.';
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const rule = error instanceof SyntaxError ? 'be JSON' : 'be a readable file';
    throw new OptionError(`${where}: ${path} must ${rule}, got ${(error as Error).message}. ${fix}`);
  }
  const result = reportData.safeParse(json);
  if (result.success) return result.data as unknown as ReportData;
  const issue = result.error.issues[0];
  const at = issue?.path.join('.') ?? '';
  const value = issue?.path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown>)?.[key], json);
  throw new OptionError(
    `${where}: ${path} must hold a run's report data, got ${at === '' ? '' : `${at} = `}${show(value)} (${issue?.message}). ${fix}`,
  );
}

const TITLES: Readonly<Record<string, string>> = {
  lfq: 'LFQ',
  fsq: 'FSQ',
  simvq: 'SimVQ',
  vq: 'VQ',
  'residual-lfq': 'Residual LFQ',
  'residual-fsq': 'Residual FSQ',
  'residual-simvq': 'Residual SimVQ',
  'residual-vq': 'Residual VQ',
};

function quantizerTitle(name: string): string {
  return TITLES[name.toLowerCase()] ?? name;
}
