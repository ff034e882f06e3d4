import { createHash, type Hash } from 'node:crypto';
import { CheckpointError } from '@vqkit/checkpoint';
import { phrase } from '@vqkit/core-tensor';
import { NAMES, type NameRange, type ShardManifest, type ShardPlan, type ShardStore, shardRanges } from '@vqkit/tokens';

/** What the examples of a source are, all but their names. */
export interface Described {
  readonly examples: number;
  readonly shape: readonly number[];
  readonly keys: ShardPlan['keys'];
  readonly source: ShardPlan['source'];
  readonly names?: readonly NameRange[];
}

/** Where names go; without one that is there, they are written. */
export interface Target {
  readonly store: ShardStore;
  readonly there?: ShardManifest | undefined;
}

/** Names as they are found: those of a new plan are written, others compared. */
export async function listNames(
  { store, there }: Target,
  shards: number,
  found: AsyncIterable<readonly unknown[]>,
): Promise<Listed> {
  return there?.shards[0]?.names === undefined || there.shards.length !== shards
    ? writeNames(store, shards, found)
    : compareNames(there, found);
}

export interface Listed {
  readonly count: number;
  readonly names: readonly NameRange[];
}

/** A name as a line: no name has an end of a line in its JSON. */
const lineOf = (name: unknown): string => `${JSON.stringify(name)}\n`;

/** Writes the names as they are found, and then looks where each shard's begin. */
export async function writeNames(
  store: ShardStore,
  shards: number,
  found: AsyncIterable<readonly unknown[]>,
): Promise<Listed> {
  let count = 0;
  const lines = (async function* (): AsyncGenerator<Uint8Array> {
    for await (const names of found) {
      count += names.length;
      yield Buffer.from(names.map(lineOf).join(''));
    }
  })();
  await store.write(NAMES, lines);
  if (count < shards) return { count, names: [] };
  return { count, names: await namesOf(count, shards, linesIn(store)) };
}

/** Only as many lines as the plan that is there has, to see whether they are the same. */
async function compareNames(there: ShardManifest, found: AsyncIterable<readonly unknown[]>): Promise<Listed> {
  let count = 0;
  const texts = (async function* (): AsyncGenerator<readonly string[]> {
    for await (const names of found) {
      count += names.length;
      yield names.map(lineOf);
    }
  })();
  const names = await namesOf(there.examples, there.shards.length, texts);
  return { count, names };
}

/** The bytes of the names of each shard, and their digests. */
export async function namesOf(
  count: number,
  shards: number,
  lines: AsyncIterable<readonly string[]>,
): Promise<NameRange[]> {
  const ranges = shardRanges(count, shards);
  const names: NameRange[] = [];
  let [line, begin, at] = [0, 0, 0];
  let hash: Hash = createHash('sha256');
  for await (const part of lines) {
    let text = '';
    for (const each of part) {
      text += each;
      line++;
      if (line !== ranges[names.length]?.to) continue;
      hash.update(text);
      at += Buffer.byteLength(text);
      text = '';
      names.push({ begin, end: at, sha256: hash.digest('hex') });
      begin = at;
      hash = createHash('sha256');
    }
    hash.update(text);
    at += Buffer.byteLength(text);
  }
  return names;
}

const CHUNK = 2 ** 22;

export async function* linesIn(store: ShardStore): AsyncGenerator<readonly string[]> {
  let rest = Buffer.alloc(0);
  for (let at = 0; ; at += CHUNK) {
    const bytes = await store.readRange(NAMES, at, at + CHUNK);
    if (bytes === undefined)
      throw new CheckpointError('planShards', `${store.name}/${NAMES}`, 'stay', phrase('none'), 'Start again.');
    if (bytes.length === 0) return;
    const all = Buffer.concat([rest, bytes]);
    const end = all.lastIndexOf(10) + 1;
    rest = all.subarray(end);
    yield all.toString('utf8', 0, end).match(/[^\n]*\n/g) ?? [];
  }
}
