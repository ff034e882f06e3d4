import { createHash } from 'node:crypto';
import { requireWritable } from '@vqkit/checkpoint/node';
import { DataError, OptionError, phrase, requireKnownOptions } from '@vqkit/core-tensor';
import { Interrupted, letSignalsIn } from '@vqkit/data';
import { readSounds } from '@vqkit/data/node';
import { type SoundTokens, writeSoundTokens } from '@vqkit/tokens';
import { startEngine } from '../engine.ts';
import { filesToKeep } from '../run-folder.ts';
import { openAudioTokenizer, pathOf, readTokenizer, type TokenizerSource } from '../tokenizer.ts';
import type { EngineName } from '../train-options.ts';
import type { TokenHooks, TokenResult } from './encode-images.ts';
import { encodeSound, whyNot } from './encode-sound.ts';

/** Options of {@link encodeSounds}. */
export interface EncodeSoundOptions {
  readonly paths?: readonly string[] | undefined;
  readonly out?: string | undefined;
  readonly engine?: EngineName | undefined;
  readonly threads?: number | undefined;
}

/** What recordings became. */
export interface EncodedSounds {
  readonly out: string;
  /** Recordings. */
  readonly images: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly bitsPerSecond: number;
}

/**
 * Encodes recordings, WAV, FLAC, Ogg and MP3, into one file of ids: brought to the tokenizer's rate and channels, the last token of each filled up with silence, which
 * {@link decodeSounds} cuts off again.
 *
 * @param source a run on sound, one of its checkpoints, or a tokenizer file.
 * @throws OptionError, DataError or CheckpointError naming what is wrong.
 */
export async function encodeSounds(
  source: TokenizerSource,
  options: EncodeSoundOptions,
  hooks: TokenHooks = {},
): Promise<TokenResult<EncodedSounds>> {
  const where = 'encodeSounds';
  requireKnownOptions(where, options, ['paths', 'out', 'engine', 'threads']);
  const { paths = [], out = 'tokens.safetensors', engine = 'auto', threads } = options;
  if (paths.length === 0)
    throw new OptionError(where, 'paths', 'be recordings or folders of them', phrase('none'), 'Pass one.');
  if (!out.endsWith('.safetensors'))
    throw new OptionError(where, 'out', 'end in .safetensors', out, 'Write for example tokens.safetensors.');
  await requireWritable(where, out, [...paths, ...(await filesToKeep(pathOf(source)))]);
  const bytes = await readTokenizer(source);
  const started = await startEngine({ engine, threads });
  const model = openAudioTokenizer(where, bytes, pathOf(source));
  try {
    const { codebookSize, numCodebooks, hop, bitsPerSecond, config } = model;
    const { sampleRate, channels } = config;
    const { clips, skipped } = await readAll(paths, { sampleRate, channels }, hooks);
    hooks.onStart?.({ images: clips.length, engine: started.engine });
    const parts: Int32Array[] = [];
    const sounds: SoundTokens['notes']['sounds'][number][] = [];
    let left = skipped;
    for (const [i, { name, samples: given }] of clips.entries()) {
      await letSignalsIn(hooks.signal);
      const samples = given.length / channels;
      const problem = whyNot(samples, sampleRate);
      if (problem !== undefined) {
        hooks.onWarning?.(`Skipped ${name}: ${problem}`);
        left++;
        continue;
      }
      parts.push(await encodeSound(model, given));
      sounds.push({ name, frames: Math.ceil(samples / hop), samples });
      hooks.onImages?.(i + 1);
    }
    if (sounds.length === 0)
      throw new DataError(
        where,
        paths.join(', '),
        'hold a recording that is not too long',
        phrase('none'),
        'Cut them up.',
      );
    const tokenizer = createHash('sha256').update(bytes).digest('hex');
    const ids = Int32Array.from({ length: parts.reduce((sum, { length }) => sum + length, 0) });
    let at = 0;
    for (const part of parts) {
      ids.set(part, at);
      at += part.length;
    }
    await writeSoundTokens(out, { ids, notes: { tokenizer, codebookSize, numCodebooks, sampleRate, hop, sounds } });
    const seconds = sounds.reduce((sum, { samples }) => sum + samples, 0) / sampleRate;
    return { status: 'finished', out, images: sounds.length, skipped: left, seconds, bitsPerSecond };
  } catch (error) {
    if (error instanceof Interrupted) return { status: 'interrupted' };
    throw error;
  } finally {
    model.dispose();
  }
}

async function readAll(
  paths: readonly string[],
  options: { readonly sampleRate: number; readonly channels: number },
  hooks: TokenHooks,
): Promise<{ clips: { name: string; samples: Float32Array }[]; skipped: number }> {
  const clips: { name: string; samples: Float32Array }[] = [];
  let count = 0;
  for (const path of paths) {
    const { clips: found, skipped } = await readSounds(path, options, hooks.signal);
    for (const { file, reason } of skipped) hooks.onWarning?.(`Skipped ${file}: ${reason}`);
    count += skipped.reduce((sum, { count: of = 1 }) => sum + of, 0);
    // Its own name, where the path is that of one recording.
    for (const { name, samples } of found)
      clips.push({ name: name === path ? (path.split('/').at(-1) as string) : name, samples });
  }
  return { clips, skipped: count };
}
