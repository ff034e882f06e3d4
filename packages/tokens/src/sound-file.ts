import { extname } from 'node:path';
import { CheckpointError, parseJson, type SafeFile } from '@vqkit/checkpoint';
import { CHECKSUM, readSafetensors, writeSafetensors } from '@vqkit/checkpoint/node';
import { integersOf, phrase } from '@vqkit/core-tensor';
import { count, problemOf } from '@vqkit/schema';
import { z } from 'zod';
import { OFFSETS, requireOffsets } from './shards/formats.ts';
import { offsetsOf, type SoundParts } from './shards/frames.ts';

const FORMAT = 'vqkit-sound-tokens-1';
const LONGEST_NAME = 4096;

/** The tokens of recordings of any length, end to end. */
export interface SoundTokens {
  /** [frames of all recordings, numCodebooks]. */
  readonly ids: Int32Array;
  readonly notes: SoundNotes;
}

export interface SoundNotes {
  /** SHA-256 of the tokenizer file, in hexadecimal. */
  readonly tokenizer: string;
  readonly codebookSize: number;
  readonly numCodebooks: number;
  /** Samples per second. */
  readonly sampleRate: number;
  /** Samples of a frame. */
  readonly hop: number;
  /** Of each recording its path, its frames, and its samples, which may be fewer than frames · hop. */
  readonly sounds: readonly { readonly name: string; readonly frames: number; readonly samples: number }[];
}

const notesSchema = z.strictObject({
  tokenizer: z.string().regex(/^[0-9a-f]{64}$/, 'SHA-256 in hexadecimal'),
  codebookSize: count(1),
  numCodebooks: count(1),
  sampleRate: count(1),
  hop: count(1),
  sounds: z.array(z.strictObject({ name: z.string().max(LONGEST_NAME), frames: count(1), samples: count(1) })),
});

/** Recordings as the notes of a file of tokens name them. */
export function soundsOf(keys: Iterable<bigint | string>, { frames, samples }: SoundParts): SoundNotes['sounds'] {
  return Array.from(keys, (name, n) => ({
    name: String(name),
    frames: frames[n] as number,
    samples: samples[n] as number,
  }));
}

/** Notes as the metadata of a safetensors file. */
export function soundTexts(notes: SoundNotes): Record<string, string> {
  const { tokenizer, codebookSize, numCodebooks, sampleRate, hop, sounds } = notes;
  return {
    format: FORMAT,
    notes: JSON.stringify({ tokenizer, codebookSize, numCodebooks, sampleRate, hop, sounds }),
  };
}

/**
 * Writes the tokens of recordings as a safetensors file, atomically: the tensor `ids`, int32 [frames, numCodebooks], all recordings end to end;
 * `offsets`, int64, the frame at which each begins, and where the last ends; and in the metadata `notes`, JSON, with the frames of each, and a checksum.
 *
 * @throws CheckpointError when the notes are not those of the ids.
 */
export async function writeSoundTokens(path: string, { ids, notes }: SoundTokens): Promise<void> {
  const whole = requireNotes(`writeSoundTokens: ${path}`, notes, ids);
  const shape = [ids.length / whole.numCodebooks, whole.numCodebooks];
  const offsets = BigInt64Array.from(offsetsOf(whole.sounds.map(({ frames }) => frames)), BigInt);
  const tensors = {
    [OFFSETS]: { dtype: 'I64', shape: [offsets.length], data: offsets },
    ids: { dtype: 'I32', shape, data: ids },
  } as const;
  await writeSafetensors(path, tensors, { ...soundTexts(whole), [CHECKSUM]: '' });
}

/**
 * Reads what {@link writeSoundTokens} wrote.
 *
 * @throws CheckpointError naming the file and what is wrong with it.
 */
export async function readSoundTokens(path: string): Promise<SoundTokens> {
  return soundTokensOf(path, await readSafetensors(path));
}

/** The notes of a file of tokens where these are of recordings; undefined of any other that {@link readTokens} reads. */
export async function soundNotesAt(path: string): Promise<SoundNotes | undefined> {
  if (extname(path) !== '.safetensors') return undefined;
  const file = await readSafetensors(path);
  return file.metadata.format === FORMAT ? soundTokensOf(path, file).notes : undefined;
}

function soundTokensOf(path: string, { tensors, metadata }: SafeFile): SoundTokens {
  const where = `readSoundTokens: ${path}`;
  const { ids } = tensors;
  if (ids === undefined || metadata.format !== FORMAT) {
    const found = phrase(`format ${metadata.format ?? 'none'}`, metadata.format);
    throw new CheckpointError(
      where,
      'the file',
      `hold tokens of sounds (format '${FORMAT}')`,
      found,
      'Pass what vqkit encode wrote of sounds.',
    );
  }
  const notes = parseJson(metadata.notes ?? '', (rule, found) => {
    return new CheckpointError(where, 'notes', `be ${rule}`, phrase(found), 'Encode the sounds again.');
  });
  const values = integersOf(where, 'ids', ids);
  const whole = requireNotes(where, notes, values);
  if (tensors[OFFSETS] !== undefined) {
    requireOffsets(where, tensors[OFFSETS], offsetsOf(whole.sounds.map(({ frames }) => frames)));
  }
  return { ids: values, notes: whole };
}

function requireNotes(where: string, given: unknown, ids: Int32Array): SoundNotes {
  const fix = 'Encode the sounds again.';
  const result = notesSchema.safeParse(given);
  if (!result.success) {
    const { path, rule, value } = problemOf(result.error, given);
    throw new CheckpointError(where, `notes ${path}`.trim(), rule, value, fix);
  }
  const { sounds, hop, numCodebooks, codebookSize } = result.data;
  const frames = sounds.reduce((sum, sound) => sum + sound.frames, 0);
  if (frames * numCodebooks !== ids.length) {
    throw new CheckpointError(
      where,
      'ids',
      `be ${frames} frames of ${numCodebooks}, as the notes say`,
      ids.length,
      fix,
    );
  }
  const odd = sounds.find((sound) => Math.ceil(sound.samples / hop) !== sound.frames);
  if (odd !== undefined) {
    throw new CheckpointError(
      where,
      'notes sounds',
      `have samples for their frames of ${hop}`,
      phrase(`${odd.samples} for ${odd.frames}`, odd.samples),
      fix,
    );
  }
  const wrong = ids.find((id) => id < 0 || id >= codebookSize);
  if (wrong !== undefined) throw new CheckpointError(where, 'ids', `be in [0, ${codebookSize})`, wrong, fix);
  return result.data;
}
