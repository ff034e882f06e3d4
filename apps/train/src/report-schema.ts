import { parseJson } from '@vqkit/checkpoint';
import { DataError, obstacleOf, phrase, show } from '@vqkit/core-tensor/errors';
import { problemOf } from '@vqkit/schema';
import type { LatentHistograms, MetricsRecord } from '@vqkit/training';
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

/** Of measures beside these null says that there is no number, such as the PSNR of a perfect reconstruction. */
const quality = z.object({ l1: number, mse: number }).catchall(z.number().nullable());
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
        errorOfVariance: z.number().optional(),
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
  adversarial: z
    .looseObject({ discriminator: number, generator: number, features: number, weight: number, gradientNorm: number })
    .optional(),
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

/** How latents lie to their codes and limits; runs of earlier versions have none. */
export const latentHistograms: z.ZodType<LatentHistograms> = z.object({
  angles: z.array(count).length(18).nullable(),
  limits: z.array(z.array(count).length(20)).nullable(),
});

const ids = z.looseObject({
  columns: count.min(1),
  collisions: z.looseObject({ rows: count, tuples: count, colliding: count, groups: count, largest: count }),
});
const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);
const codesUsed = z.looseObject({ tokens: count, used: count, perplexity: number });
const audio = z.looseObject({
  sampleRate: count.min(1),
  channels: count.min(1),
  clips: z.array(
    z.looseObject({
      name: text,
      siSdrDb: z.number().nullable(),
      original: base64,
      reconstruction: base64,
      originalPicture: base64,
      reconstructionPicture: base64,
    }),
  ),
  silence: codesUsed,
  sound: codesUsed,
});
/** What reports called them when there were images alone. */
const FIRST_NAMES = {
  trainImages: 'trainExamples',
  validationImages: 'validationExamples',
  testImages: 'testExamples',
  skippedImages: 'skippedExamples',
};

/** report-data.json of a finished run. */
export const reportData: z.ZodType = z
  .looseObject({
    formatVersion: z.literal(1),
    config: z.looseObject({ quantizer: text, data: text, dataPath: text.optional(), batchSize: count, seed: count }),
    summary: z.preprocess(
      withNames,
      z
        .object({
          quantizer: text,
          data: text,
          seed: count,
          steps: count,
          trainExamples: count,
          validationExamples: count,
          testExamples: count.min(1),
          skippedExamples: count,
          parameters: count,
          test: z.looseObject({ quality, codes }),
          plain: quality.optional(),
          elapsedSeconds: number,
          stepsPerSecond: number,
          engine: text,
          ids: ids.optional(),
        })
        .catchall(z.union([number, text])),
    ),
    history: z.array(metricsRecord),
    images: images.optional(),
    audio: audio.optional(),
    histograms: z.array(histogram),
    latents: latentHistograms.optional(),
    diagnosis: z.array(
      z.looseObject({ name: text, severity: text, message: text, remedy: text, command: text.optional() }),
    ),
  })
  .refine(({ images, audio, summary: { ids } }) => [images, audio, ids].some((shown) => shown !== undefined), {
    path: ['images'],
    message: 'images, sounds, or ids of rows',
  });

/** A summary with today's names. */
function withNames(summary: unknown): unknown {
  if (typeof summary !== 'object' || summary === null || Array.isArray(summary)) return summary;
  return Object.fromEntries(
    Object.entries(summary).map(([name, value]) => [
      Object.hasOwn(FIRST_NAMES, name) ? FIRST_NAMES[name as keyof typeof FIRST_NAMES] : name,
      value,
    ]),
  );
}

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
