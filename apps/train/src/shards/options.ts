import type { SourceOptions } from '@vqkit/data/node';
import { count, field, inGroup } from '@vqkit/schema';
import { SHARD_FORMATS, type ShardFormat } from '@vqkit/tokens';
import { z } from 'zod';
import { rowFields } from '../modalities/vectors/options.ts';
import { runFields, sourceFields } from '../tokens/encode-images.ts';
import type { EngineName } from '../train-options.ts';

/** Options of {@link encodeShards}, described in {@link encodeShardsJsonSchema}. */
export interface ShardOptions extends Omit<SourceOptions, 'names'> {
  readonly column?: string | undefined;
  readonly keyColumn?: string | undefined;
  readonly out?: string | undefined;
  readonly shards?: number | undefined;
  readonly shard?: number | undefined;
  readonly format?: ShardFormat | undefined;
  readonly pack?: boolean | undefined;
  readonly plan?: boolean | undefined;
  readonly workers?: 'auto' | number | undefined;
  readonly batchSize?: number | undefined;
  readonly engine?: EngineName | undefined;
  readonly threads?: number | undefined;
}

const { batchSize, engine, threads } = runFields;

export const shardSchema: z.ZodObject<z.ZodRawShape, z.core.$strict> = z.strictObject({
  ...sourceFields,
  ...rowFields,
  out: field(z.string().min(1), 'The folder of the shards.'),
  ...inGroup('Shards', {
    shards: field(
      count(1),
      "Encodes into this many files in the folder 'out', with a manifest. After a crash, run it again to encode what is missing; an existing folder needs no number.",
    ),
    shard: field(
      count(0),
      'Only this shard, from 0 on. Default JOB_COMPLETION_INDEX (Kubernetes) or SLURM_ARRAY_TASK_ID where one is set, else all.',
    ),
    format: field(z.enum(SHARD_FORMATS), "The files; 'tar' as webdataset reads them.", 'safetensors'),
    pack: field(
      z.boolean(),
      "Packs ids to the fewest bits, in safetensors and npy: readers of @vqkit/tokens and 'vqkit decode' unpack them.",
      false,
    ),
    plan: field(z.boolean(), 'Writes the manifest and encodes nothing, before many workers start.', false),
    workers: field(
      z.union([z.literal('auto'), count(1)]),
      "Processes that encode at the same time, of one thread each unless 'threads' says otherwise; 'auto': one per core. Default none but this one.",
    ),
  }),
  batchSize,
  engine,
  threads,
});

/** The options of {@link encodeShards} as JSON Schema, to make flags from; all but `paths`, which are arguments. */
export function encodeShardsJsonSchema(): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(shardSchema.omit({ paths: true }));
}

/** Variables that say which shard a process is to do, of the two systems that start a process per shard. */
const INDEX_VARIABLES = ['JOB_COMPLETION_INDEX', 'SLURM_ARRAY_TASK_ID'] as const;

/** The shard that a scheduler has given to this process. */
export function scheduledShard(
  environment: Readonly<Record<string, string | undefined>>,
): { readonly shard: number; readonly variable: string } | undefined {
  const variable = INDEX_VARIABLES.find((name) => environment[name] !== undefined);
  const text = variable === undefined ? undefined : environment[variable];
  if (variable === undefined || text === undefined) return undefined;
  return { shard: /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN, variable };
}
