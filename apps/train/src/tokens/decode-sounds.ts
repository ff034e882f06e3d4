import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { tensor, tidy } from '@tensorflow/tfjs-core';
import { requireWritableFolder, withFileErrors, writeFileAtomic } from '@vqkit/checkpoint/node';
import { OptionError, phrase } from '@vqkit/core-tensor';
import { Interrupted, letSignalsIn } from '@vqkit/data';
import { encodeWav } from '@vqkit/data/node';
import { readSoundTokens } from '@vqkit/tokens';
import { startEngine } from '../engine.ts';
import { openAudioTokenizer, pathOf, readTokenizer, type TokenizerSource } from '../tokenizer.ts';
import { type DecodeOptions, requireEmpty } from './decode-tokens.ts';
import type { TokenHooks, TokenResult } from './encode-images.ts';
import { pictureNames } from './picture-names.ts';

/**
 * Decodes what `encodeSounds` wrote to WAV files of 16 bit, one per recording, by their names.
 *
 * @param source the tokenizer that encoded them: a run on sound, a checkpoint or a tokenizer file.
 * @throws OptionError when the ids are another tokenizer's or the folder is not empty; CheckpointError for damaged files.
 */
export async function decodeSounds(
  source: TokenizerSource,
  file: string,
  options: Pick<DecodeOptions, 'out' | 'from' | 'limit' | 'engine' | 'threads'> = {},
  hooks: TokenHooks = {},
): Promise<TokenResult<object>> {
  const where = 'decodeSounds';
  const { out = 'decoded', from = 0, limit, engine = 'auto', threads } = options;
  const bytes = await readTokenizer(source);
  const { ids, notes } = await readSoundTokens(file);
  const own = createHash('sha256').update(bytes).digest('hex');
  if (notes.tokenizer !== own) {
    const found = phrase(`tokens of ${notes.tokenizer.slice(0, 12)}…`, notes.tokenizer);
    const rule = `hold tokens of this tokenizer (SHA-256 ${own.slice(0, 12)}…)`;
    throw new OptionError(where, file, rule, found, 'Pass the tokenizer that encoded them.');
  }
  const names = notes.sounds.map(({ name }) => name);
  const nameOf = pictureNames({ shape: [names.length], notes: { images: names } }, undefined, '.wav');
  await requireEmpty(where, out);
  await requireWritableFolder(where, out);
  const started = await startEngine({ engine, threads });
  const model = openAudioTokenizer(where, bytes, pathOf(source));
  try {
    const { hop, config } = model;
    const { channels, sampleRate } = config;
    const axes = model.tokenShape(hop).slice(1);
    const end = Math.min(notes.sounds.length, from + (limit ?? notes.sounds.length));
    hooks.onStart?.({ images: Math.max(0, end - from), engine: started.engine });
    let at = 0;
    for (const [i, { frames, samples }] of notes.sounds.entries()) {
      const one = ids.subarray(at, at + frames * notes.numCodebooks);
      at += one.length;
      if (i < from || i >= end) continue;
      await letSignalsIn(hooks.signal);
      const sound = tidy(() => model.decode(tensor(one, [1, frames, ...axes], 'int32')));
      const values = (await sound.data()) as Float32Array;
      sound.dispose();
      const split = Array.from({ length: channels }, (_, c) =>
        Float32Array.from({ length: samples }, (_, n) => values[n * channels + c] as number),
      );
      const path = join(out, nameOf(i));
      await withFileErrors(where, path, 'be written', mkdir(dirname(path), { recursive: true }));
      await writeFileAtomic(path, encodeWav({ sampleRate, channels: split }));
      hooks.onImages?.(i - from + 1);
    }
    return { status: 'finished', out, images: Math.max(0, end - from) };
  } catch (error) {
    if (error instanceof Interrupted) return { status: 'interrupted' };
    throw error;
  } finally {
    model.dispose();
  }
}
