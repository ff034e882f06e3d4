import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { tensor, tidy } from '@tensorflow/tfjs-core';
import { requireWritableFolder, withFileErrors, writeFileAtomic } from '@vqkit/checkpoint/node';
import { OptionError, phrase } from '@vqkit/core-tensor';
import { Interrupted, letSignalsIn } from '@vqkit/data';
import { encodeWav } from '@vqkit/data/node';
import type { AudioTokenizer } from '@vqkit/tokenizer';
import { readSoundTokens, requireRange, shardsAt } from '@vqkit/tokens';
import { startEngine } from '../engine.ts';
import { requireOwnSound, type SoundFacts } from '../shards/own-sound.ts';
import { openAudioTokenizer, pathOf, readTokenizer, type TokenizerSource } from '../tokenizer.ts';
import { type DecodeOptions, requireEmpty } from './decode-tokens.ts';
import type { TokenHooks, TokenResult } from './encode-images.ts';
import { MOST_SAMPLES } from './encode-sound.ts';
import { pictureNames } from './picture-names.ts';

/**
 * Decodes what `encodeSounds` or `encodeShards` wrote to WAV files of 16 bit, one per recording, by their names. Of shards one is held at a time.
 *
 * @param source the tokenizer that encoded them: a run on sound, a checkpoint or a tokenizer file.
 * @param file of tokens; a folder of shards, or one of them.
 * @throws OptionError when the ids are another tokenizer's or the folder is not empty; CheckpointError for damaged files.
 */
export async function decodeSounds(
  source: TokenizerSource,
  file: string,
  options: Pick<DecodeOptions, 'out' | 'from' | 'limit' | 'engine' | 'threads'> = {},
  hooks: TokenHooks = {},
): Promise<TokenResult<object>> {
  const where = 'decodeSounds';
  const { out = 'decoded', from, limit, engine = 'auto', threads } = options;
  const bytes = await readTokenizer(source);
  const { tokenizer, facts, names, sounds } = await openSoundTokens(where, file, { from, limit });
  const own = createHash('sha256').update(bytes).digest('hex');
  if (tokenizer !== own) {
    const found = phrase(`tokens of ${tokenizer.slice(0, 12)}…`, tokenizer);
    const rule = `hold tokens of this tokenizer (SHA-256 ${own.slice(0, 12)}…)`;
    throw new OptionError(where, file, rule, found, 'Pass the tokenizer that encoded them.');
  }
  const nameOf = pictureNames({ shape: [names.length], notes: { images: names } }, undefined, '.wav');
  await requireEmpty(where, out);
  await requireWritableFolder(where, out);
  const started = await startEngine({ engine, threads });
  const model = openAudioTokenizer(where, bytes, pathOf(source));
  try {
    requireOwnSound(where, file, facts, model);
    hooks.onStart?.({ images: names.length, engine: started.engine });
    let done = 0;
    for await (const { ids, samples } of sounds()) {
      await letSignalsIn(hooks.signal);
      const path = join(out, nameOf(done));
      if (samples > MOST_SAMPLES) {
        const rule = `have at most ${MOST_SAMPLES} samples`;
        throw new OptionError(where, `${file}: ${names[done]}`, rule, samples, 'Decode parts of it.');
      }
      const wav = await decodeSound(model, ids, samples);
      await withFileErrors(where, path, 'be written', mkdir(dirname(path), { recursive: true }));
      await writeFileAtomic(path, wav);
      done++;
      hooks.onImages?.(done);
    }
    return { status: 'finished', out, images: done };
  } catch (error) {
    if (error instanceof Interrupted) return { status: 'interrupted' };
    throw error;
  } finally {
    model.dispose();
  }
}

/** A WAV file of the ids of a recording, without the silence at its end. */
async function decodeSound(model: AudioTokenizer, ids: Int32Array, samples: number): Promise<Uint8Array> {
  const { hop, config } = model;
  const { channels, sampleRate } = config;
  const shape = model.tokenShape(Math.ceil(samples / hop) * hop);
  const sound = tidy(() => model.decode(tensor(ids, [1, ...shape], 'int32')));
  const values = (await sound.data()) as Float32Array;
  sound.dispose();
  const split = Array.from({ length: channels }, (_, c) =>
    Float32Array.from({ length: samples }, (_, n) => values[n * channels + c] as number),
  );
  return encodeWav({ sampleRate, channels: split });
}

/** Tokens of recordings, of a file or of shards. */
interface OpenSoundTokens {
  readonly tokenizer: string;
  readonly facts: SoundFacts;
  /** Of the recordings of the range that have ids. */
  readonly names: readonly string[];
  /** Their ids, in that order. */
  sounds():
    | AsyncIterable<{ readonly ids: Int32Array; readonly samples: number }>
    | Iterable<{ readonly ids: Int32Array; readonly samples: number }>;
}

async function openSoundTokens(
  where: string,
  file: string,
  { from, limit }: Pick<DecodeOptions, 'from' | 'limit'>,
): Promise<OpenSoundTokens> {
  const to = limit === undefined ? undefined : (from ?? 0) + limit;
  const at = await shardsAt(file);
  if (at === undefined) {
    const { ids, notes } = await readSoundTokens(file);
    const [first, end] = requireRange(`${where}: ${file}`, notes.sounds.length, { from, to });
    return {
      tokenizer: notes.tokenizer,
      facts: notes,
      names: notes.sounds.slice(first, end).map(({ name }) => name),
      *sounds() {
        let place = 0;
        for (const [i, { frames, samples }] of notes.sounds.entries()) {
          const start = place;
          place += frames * notes.numCodebooks;
          if (i >= first && i < end) yield { ids: ids.subarray(start, place), samples };
        }
      },
    };
  }
  const { manifest } = at.shards;
  const { tokenizer, sound, codebookSize, numCodebooks } = manifest;
  if (sound === undefined) {
    throw new OptionError(where, file, 'hold tokens of sounds', phrase('those of other data'), 'Pass other shards.');
  }
  const [first, end] = requireRange(`${where}: ${file}`, at.to - at.from, { from, to });
  const range = { from: at.from + first, to: at.from + end };
  const names: string[] = [];
  for await (const { keys } of at.shards.blocks(range)) for (const key of keys) names.push(String(key));
  return {
    tokenizer: tokenizer.sha256,
    facts: { ...sound, codebookSize, numCodebooks },
    names,
    async *sounds() {
      for await (const { ids, offsets, samples = new Float64Array(0) } of at.shards.blocks(range)) {
        for (const [n, count] of samples.entries()) {
          const [start = 0, stop = 0] = [offsets?.[n], offsets?.[n + 1]];
          yield { ids: ids.subarray(start * numCodebooks, stop * numCodebooks), samples: count };
        }
      }
    },
  };
}
