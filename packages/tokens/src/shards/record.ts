import { CheckpointError } from '@vqkit/checkpoint';
import { show } from '@vqkit/core-tensor';
import { count, counted } from '@vqkit/schema';
import { z } from 'zod';
import { framesOf, offsetsOf } from './frames.ts';
import {
  idsPerExample,
  MOST_IDS,
  planId,
  recordFile,
  requireShard,
  type ShardManifest,
  shardFile,
} from './manifest.ts';
import { digest, digestOf, seal, unseal } from './sealed.ts';
import type { TokenStatistics } from './statistics.ts';
import type { ShardReader } from './store.ts';

/** An example that has no ids, and why. */
export interface SkippedExample {
  /** Its position in the source. */
  readonly position: number;
  readonly name: string;
  readonly reason: string;
}

/** What is known of a finished shard. */
export interface ShardRecord {
  readonly shard: number;
  readonly from: number;
  readonly to: number;
  /** SHA-256 of the tokenizer's file. */
  readonly tokenizer: string;
  /** SHA-256 of the source, as in the manifest. */
  readonly source: string;
  /** SHA-256 of the manifest but for where the data lie. */
  readonly manifest: string;
  /** What computed it, and its threads: other engines and numbers of threads may round the last bit otherwise. */
  readonly engine: string;
  readonly file: { readonly name: string; readonly bytes: number; readonly sha256: string };
  /** Examples in the file. */
  readonly examples: number;
  readonly skipped: readonly SkippedExample[];
  /** One per example, where the file has no place for them; integers as texts. */
  readonly keys?: readonly string[] | undefined;
  /** Of sound: samples of each example, of one channel; its frames are ⌈samples / hop⌉. */
  readonly samples?: readonly number[] | undefined;
  readonly statistics: TokenStatistics;
}

const FORMAT = 'vqkit-shard-1';

const schema = z.strictObject({
  type: z.literal(FORMAT),
  shard: count(0),
  from: count(0),
  to: count(1),
  tokenizer: digest,
  source: digest,
  manifest: digest,
  engine: z.string(),
  file: z.strictObject({ name: z.string(), bytes: count(0), sha256: digest }),
  examples: count(0),
  skipped: z.array(z.strictObject({ position: count(0), name: z.string(), reason: z.string() })),
  keys: z.array(z.string()).optional(),
  samples: z.array(count(1)).optional(),
  statistics: z.strictObject({
    examples: count(0),
    codebooks: z.array(z.strictObject({ codes: z.array(count(0)), counts: z.array(count(1)) })),
  }),
});

export function recordText(record: ShardRecord): string {
  return seal({ type: FORMAT, ...record }).text;
}

/** Whether a shard is there. */
export type ShardState =
  | { readonly status: 'complete'; readonly record: ShardRecord }
  | { readonly status: 'missing' }
  /** There, and not what it was: it is encoded anew. */
  | { readonly status: 'damaged'; readonly reason: string };

/**
 * Looks at a shard without trusting it: with `bytes`, at all of its bytes by their checksum.
 *
 * @throws CheckpointError when it is whole and belongs to another tokenizer, source or order.
 */
export async function shardState(
  where: string,
  store: ShardReader,
  manifest: ShardManifest,
  shard: number,
  { bytes: checkBytes = true }: { readonly bytes?: boolean } = {},
): Promise<ShardState> {
  const name = recordFile(manifest, shard);
  const text = await store.read(name);
  if (text === undefined) return { status: 'missing' };
  let record: ShardRecord;
  try {
    const {
      type: _,
      sha256: __,
      ...read
    } = unseal(`${where}: ${store.name}/${name}`, 'Encode it again.', text, schema);
    record = read;
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return { status: 'damaged', reason: error.message };
  }
  requireOwn(`${where}: ${store.name}/${name}`, manifest, shard, record);
  const wrong = disagreement(manifest, record);
  if (wrong !== undefined) {
    const [argument, rule, found] = wrong;
    const it = `${where}: ${store.name}/${name}`;
    return { status: 'damaged', reason: new CheckpointError(it, argument, rule, found, 'Encode it again.').message };
  }
  if (!checkBytes) return { status: 'complete', record };
  const { file } = record;
  const bytes = await store.read(file.name);
  const problem = bytes === undefined ? 'there is none' : whatIsWrong(bytes, file);
  if (problem === undefined) return { status: 'complete', record };
  return {
    status: 'damaged',
    reason: `${store.name}/${file.name} must be the file of ${name}, got another: ${problem}.`,
  };
}

/** What a record says that cannot be of its examples: the argument, its rule and the value. */
function disagreement(
  manifest: ShardManifest,
  { from, to, examples, skipped, keys, samples, statistics }: ShardRecord,
): [argument: string, rule: string, found: unknown] | undefined {
  const { codebookSize, numCodebooks, sound } = manifest;
  const count = to - from - skipped.length;
  if (examples !== count) return ['examples', `be the ${count} that were not skipped`, examples];
  const out = skipped.findIndex(({ position }, i) => {
    return position >= to || position < from || position <= (skipped[i - 1]?.position ?? -1);
  });
  if (out >= 0) return [`skipped[${out}]`, `be in order, from ${from} to ${to}`, skipped[out]?.position];
  if (keys !== undefined && keys.length !== examples) return ['keys', `be ${examples}`, keys.length];
  if ((samples !== undefined) !== (sound !== undefined)) {
    return ['samples', sound === undefined ? 'be left out: they are of sound' : 'be there, of each example', samples];
  }
  if (samples !== undefined && samples.length !== examples) return ['samples', `be ${examples}`, samples.length];
  const frames = sound === undefined || samples === undefined ? undefined : offsetsOf(framesOf(samples, sound)).at(-1);
  if (frames !== undefined && frames * numCodebooks > MOST_IDS) {
    return ['samples', `make at most ${MOST_IDS} ids`, frames * numCodebooks];
  }
  if (statistics.examples !== examples) return ['statistics', `be of ${examples} examples`, statistics.examples];
  const { codebooks } = statistics;
  const books = examples === 0 ? codebooks.length : numCodebooks;
  if (codebooks.length !== books) return ['statistics', `be of ${counted(books, 'codebook')}`, codebooks.length];
  const tokens = frames ?? (examples * idsPerExample(manifest)) / numCodebooks;
  for (const [i, { codes, counts }] of codebooks.entries()) {
    const argument = `statistics of codebook ${i}`;
    if (codes.length !== counts.length) return [argument, `have ${codes.length} counts`, counts.length];
    const other = codes.find((code, n) => code >= codebookSize || code <= (codes[n - 1] ?? -1));
    if (other !== undefined) return [argument, `be of codes in order, below ${codebookSize}`, other];
    const sum = counts.reduce((all, each) => all + each, 0);
    if (sum > tokens) return [argument, `count at most the ${tokens} tokens`, sum];
  }
  return undefined;
}

function whatIsWrong(bytes: Uint8Array, file: ShardRecord['file']): string | undefined {
  if (bytes.length !== file.bytes) return `${bytes.length} bytes instead of ${file.bytes}`;
  const own = digestOf(bytes);
  return own === file.sha256 ? undefined : `SHA-256 ${own.slice(0, 12)}… instead of ${file.sha256.slice(0, 12)}…`;
}

function requireOwn(where: string, manifest: ShardManifest, shard: number, record: ShardRecord): void {
  const { from, to } = requireShard(where, manifest, shard);
  const facts = [
    ['tokenizer', manifest.tokenizer.sha256, record.tokenizer],
    ['source', manifest.source.sha256, record.source],
    ['order', `examples ${from} to ${to}`, `examples ${record.from} to ${record.to}`],
    ['shard', `${shard} ${shardFile(manifest, shard)}`, `${record.shard} ${record.file.name}`],
    ['manifest', planId(manifest), record.manifest],
  ] as const;
  const differing = facts.find(([, wanted, found]) => wanted !== found);
  if (differing === undefined) return;
  const [name, wanted, found] = differing;
  const rule = `be of the ${name} of manifest.json, ${show(wanted)}`;
  throw new CheckpointError(where, 'the shard', rule, found, 'Encode into a new folder, or delete this shard.');
}
