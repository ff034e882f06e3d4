import { parseJson } from '@vqkit/checkpoint';
import { DataError, obstacleOf, phrase, show } from '@vqkit/core-tensor/errors';
import { problemOf } from '@vqkit/schema';
import type { MetricsRecord } from '@vqkit/training';
import { z } from 'zod';

/** How many test images the report shows. */
export const PAIRS = 16;
/** Pixels; no image of a report is larger, and a picture of {@link PAIRS} such can be drawn. */
const LONGEST_SIDE = 2 ** 14;

/** JSON has no NaN: what could not be measured is stored as null. */
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const count = z.int().min(0);
const text = z.string();

const quality = z
  .object({ l1: number, mse: number, psnrDb: z.number().nullable(), ssim: z.number().nullable() })
  .catchall(number);
const codes = z.looseObject({
  tokens: count,
  codebookSize: count.min(1),
  numCodebooks: count.min(1),
  used: number,
  utilization: number,
  perplexity: number,
  bitsPerToken: number,
  layers: z
    .array(
      z.looseObject({
        codebookSize: count.min(1),
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
const metricsRecord = z.discriminatedUnion('kind', [trainRecord, validationRecord]);
const images = z
  .looseObject({
    count: count.max(PAIRS),
    height: count.min(1).max(LONGEST_SIDE),
    width: count.min(1).max(LONGEST_SIDE),
    channels: z.union([z.literal(1), z.literal(3)]),
    originals: z.array(number),
    reconstructions: z.array(number),
  })
  .refine(
    (i) => [i.originals, i.reconstructions].every((p) => p.length === i.count * i.height * i.width * i.channels),
    'pixels for count × height × width × channels',
  );
const histogram = z
  .looseObject({ codebookSize: count.min(1), codes: z.array(count), counts: z.array(count) })
  .refine((h) => h.codes.length === h.counts.length, 'as many counts as codes')
  .refine((h) => h.codes.every((code) => code < h.codebookSize), 'codes below codebookSize');

/** report-data.json of a finished run. */
export const reportData: z.ZodType = z.looseObject({
  formatVersion: z.literal(1),
  config: z.looseObject({ quantizer: text, data: text, dataPath: text.optional(), batchSize: count, seed: count }),
  summary: z
    .object({
      quantizer: text,
      data: text,
      seed: count,
      steps: count,
      trainImages: count,
      validationImages: count,
      testImages: count.min(1),
      skippedImages: count,
      parameters: count,
      test: z.looseObject({ quality, codes }),
      elapsedSeconds: number,
      stepsPerSecond: number,
      engine: text,
    })
    .catchall(z.union([number, text])),
  history: z.array(metricsRecord),
  images,
  histograms: z.array(histogram),
  diagnosis: z.array(
    z.looseObject({ name: text, severity: text, message: text, remedy: text, command: text.optional() }),
  ),
});

/** A record of metrics.jsonl, and its line as it stands there. */
export interface MetricsLine {
  readonly record: MetricsRecord;
  readonly line: string;
}

/**
 * The records of a metrics.jsonl, and what is wrong with its other lines. A last line without an end was cut short by a kill and counts
 * as none.
 */
export function parseMetrics(bytes: Uint8Array): { records: MetricsLine[]; problems: string[] } {
  const records: MetricsLine[] = [];
  const problems: string[] = [];
  const lines = new TextDecoder().decode(bytes).split('\n');
  for (const [i, line] of lines.slice(0, -1).entries()) {
    const at = `line ${i + 1}`;
    try {
      const value = parseJson(
        line,
        (rule, found) => new DataError('parseMetrics', at, `be ${rule}`, phrase(found), 'Leave it out.'),
      );
      const { data, error } = metricsRecord.safeParse(value);
      if (error !== undefined) {
        const { path, rule, value: found } = problemOf(error, value);
        problems.push(`${at}: ${path || 'it'} must ${rule}, got ${show(found)}`);
        continue;
      }
      const record = data as unknown as MetricsRecord;
      const before = records.at(-1)?.record.step ?? 0;
      if (record.step >= before) records.push({ record, line });
      else problems.push(`${at}: step must be >= ${before}, that of the record before, got ${record.step}`);
    } catch (error) {
      problems.push(obstacleOf(error).reason);
    }
  }
  return { records, problems };
}
