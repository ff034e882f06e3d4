import { createHash } from 'node:crypto';
import { CheckpointError, parseJson } from '@vqkit/checkpoint';
import { OptionError, phrase, show } from '@vqkit/core-tensor';
import {
  type DataName,
  NO_PACKAGE,
  openImages,
  openSounds,
  openVectors,
  type SoundName,
  type SourceOptions,
} from '@vqkit/data/node';
import { count, counted } from '@vqkit/schema';
import {
  type AudioTokenizer,
  type ImageTokenizer,
  isAudioConfig,
  isVectorConfig,
  loadTokenizer,
  type Tokenizer,
} from '@vqkit/tokenizer';
import {
  encodeShard,
  type IdBlock,
  MANIFEST,
  NAMES,
  readManifest,
  type ShardManifest,
  type ShardRange,
  type ShardRecord,
  type ShardStore,
  shardState,
  TOKENIZER,
} from '@vqkit/tokens';
import { z } from 'zod';
import { startEngine } from '../engine.ts';
import type { EngineName } from '../train-options.ts';
import { type Examples, imageExamples, vectorExamples } from './examples.ts';
import { type EncodedBatch, idBlocks } from './id-blocks.ts';
import { requireOwnSound } from './own-sound.ts';
import { soundBlocks } from './sound-blocks.ts';
import { packageVersion } from './version.ts';

export interface EncoderOptions {
  readonly engine?: EngineName | undefined;
  readonly threads?: number | undefined;
  /** Where the data lie for this worker. Default where the manifest says. */
  readonly paths?: readonly string[] | undefined;
}

interface ShardHooks {
  /** Examples of the shard that are done. */
  onExamples?(done: number): void;
  /** A note for the user, such as a skipped picture. */
  onWarning?(message: string): void;
  readonly signal?: AbortSignal | undefined;
}

/** Encodes shards of a folder one after the other. */
export interface ShardEncoder {
  readonly manifest: ShardManifest;
  readonly engine: string;
  /** Encodes a shard, unless it is complete: then it is left as it is. */
  encode(shard: number, hooks?: ShardHooks): Promise<{ readonly record: ShardRecord; readonly wasThere: boolean }>;
  dispose(): void;
}

/**
 * What a worker needs for the shards of a folder, all of which stands in it but the data.
 *
 * @throws CheckpointError when the manifest or the tokenizer is missing or changed; OptionError when another version of vqkit planned it.
 */
export async function openShardEncoder(
  where: string,
  store: ShardStore,
  { engine: wanted = 'auto', threads, paths: given }: EncoderOptions = {},
): Promise<ShardEncoder> {
  const manifest = await readManifest(where, store);
  requireOwnVersion(`${where}: ${store.name}`, manifest);
  const bytes = await store.read(TOKENIZER);
  const sha256 = bytes === undefined ? undefined : createHash('sha256').update(bytes).digest('hex');
  if (bytes === undefined || sha256 !== manifest.tokenizer.sha256) {
    throw new CheckpointError(
      where,
      `${store.name}/${TOKENIZER}`,
      `have the SHA-256 of the manifest, ${manifest.tokenizer.sha256.slice(0, 12)}…`,
      phrase(sha256 === undefined ? 'no file' : `${sha256.slice(0, 12)}…`, sha256),
      'Run vqkit encode with the tokenizer and --shards once more.',
    );
  }
  const started = await startEngine({ engine: wanted, threads });
  const engine =
    started.threads === undefined ? started.engine : `${started.engine}, ${counted(started.threads, 'thread')}`;
  const model = loadTokenizer(bytes, `${store.name}/${TOKENIZER}`);
  const { options } = manifest.source;
  const source = { ...options, paths: given ?? manifest.source.paths };
  let whole: Promise<Examples> | undefined;
  const open = async (range: ShardRange): Promise<{ examples: Examples; first: number }> => {
    if (range.names !== undefined) {
      const names = await namesOf(where, store, range, z.string());
      const images = await openImages(where, { ...source, names }, model as unknown as ImageTokenizer);
      return { examples: imageExamples(images, names, range.from), first: range.from };
    }
    whole ??= openWhole(where, model, source);
    return { examples: requireSame(where, manifest, await whole), first: 0 };
  };
  /** The ids of a shard, as they are computed; examples done count from its first. */
  const batchesOf = async (range: ShardRange, signal: AbortSignal | undefined): Promise<AsyncGenerator<Batch>> => {
    const { batchSize, sound } = manifest;
    if (sound !== undefined) {
      const own = requireAudio(where, model);
      requireOwnSound(where, `${store.name}/${MANIFEST}`, { ...manifest, ...sound }, own);
      const names = await namesOf(where, store, range, soundName);
      const { sampleRate, channels } = own.config;
      const sounds = await openSounds(source.paths, { sampleRate, channels });
      return soundBlocks(own, sounds, names, { first: range.from, signal });
    }
    const { examples, first } = await open(range);
    return idBlocks(model, examples, { from: range.from - first, to: range.to - first, batchSize, signal });
  };
  return {
    manifest,
    engine,
    async encode(shard, hooks = {}) {
      const state = await shardState(where, store, manifest, shard);
      if (state.status === 'complete') return { record: state.record, wasThere: true };
      if (state.status === 'damaged') hooks.onWarning?.(`${state.reason} It is encoded anew.`);
      const range = manifest.shards[shard] as ShardRange;
      const batches = await batchesOf(range, hooks.signal);
      const blocks = (async function* (): AsyncGenerator<IdBlock> {
        for await (const { ids, keys, samples, skipped, done } of batches) {
          for (const { name, reason, code } of skipped) {
            if (code === undefined) hooks.onWarning?.(`Skipped ${name}: ${reason}`);
            else {
              throw new CheckpointError(
                where,
                name,
                'be readable',
                phrase(reason),
                code === NO_PACKAGE
                  ? `Install it on this machine and run it again; shard ${shard} is left for that.`
                  : `Check that the data are there on this machine (${source.paths.join(', ')}) and run it again; shard ${shard} is left for that.`,
              );
            }
          }
          yield { ids, keys, samples, skipped: skipped.map(({ code: _, ...left }) => left) };
          hooks.onExamples?.(done);
        }
      })();
      return { record: await encodeShard(store, manifest, shard, blocks, { engine }), wasThere: false };
    },
    dispose: () => model.dispose(),
  };
}

/** A batch of any kind; of recordings with their samples. */
type Batch = EncodedBatch & { readonly samples?: readonly number[] };

function requireAudio(where: string, model: Tokenizer): AudioTokenizer {
  if (isAudioConfig(model.config)) return model as unknown as AudioTokenizer;
  const rule = 'be of sound, as the manifest says';
  throw new OptionError(where, 'tokenizer', rule, model.config.architecture, 'Encode into a new folder.');
}

interface SourceAsOptions {
  readonly data?: DataName | 'vectors';
  readonly paths: readonly string[];
  readonly column?: string;
  readonly keyColumn?: string;
}

async function openWhole(where: string, model: Tokenizer, source: SourceAsOptions): Promise<Examples> {
  const { paths, column, keyColumn } = source;
  if (isVectorConfig(model.config)) return vectorExamples(await openVectors(paths[0] ?? '', { column, keyColumn }));
  return imageExamples(await openImages(where, source as SourceOptions, model as unknown as ImageTokenizer));
}

function requireSame(where: string, { examples, exampleShape }: ShardManifest, found: Examples): Examples {
  if (found.count === examples && found.shape.join() === exampleShape.join()) return found;
  throw new OptionError(
    where,
    'data',
    `be the ${examples} examples of ${exampleShape.join(' × ')} of the manifest`,
    phrase(`${found.count} of ${found.shape.join(' × ')}`, found.count),
    'Pass the data that were planned.',
  );
}

/** @throws OptionError */
export function requireOwnVersion(where: string, { vqkit }: Pick<ShardManifest, 'vqkit'>): void {
  const own = packageVersion();
  if (own === vqkit) return;
  const rule = `be of the manifest's version of vqkit, ${show(vqkit)}`;
  throw new OptionError(where, 'the worker', rule, own, `Install vqkit@${vqkit}, or encode into a new folder.`);
}

/** Of a recording: see `SoundName` of @vqkit/data. */
const soundName: z.ZodType<SoundName> = z.union([
  z.string(),
  z.tuple([z.string(), z.string(), count(0), count(0)]).readonly(),
]);

async function namesOf<Name>(
  where: string,
  store: ShardStore,
  { names, from, to }: ShardRange,
  schema: z.ZodType<Name>,
): Promise<Name[]> {
  const { begin = 0, end = 0, sha256 } = names ?? {};
  const bytes = await store.readRange(NAMES, begin, end);
  const own = bytes === undefined ? 'no file' : createHash('sha256').update(bytes).digest('hex');
  if (bytes === undefined || own !== sha256) {
    throw new CheckpointError(
      where,
      `${store.name}/${NAMES}`,
      `have the names of the manifest from byte ${begin} to ${end}`,
      phrase('others'),
      'Encode into a new folder.',
    );
  }
  const lines = Buffer.from(bytes).toString('utf8').split('\n').slice(0, -1);
  const fail = (rule: string, found: unknown): CheckpointError =>
    new CheckpointError(where, `${store.name}/${NAMES}`, rule, found, 'Encode into a new folder.');
  if (lines.length !== to - from) throw fail(`have ${to - from} names`, lines.length);
  return lines.map((line, n) => {
    const { data } = schema.safeParse(parseJson(line, (rule, found) => fail(`be lines of ${rule}`, phrase(found))));
    if (data === undefined) throw fail('name an example in each line', phrase(`another in line ${n}`, line));
    return data;
  });
}
