import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { CheckpointError, decodeNpy, encodeNpy, parseJson, type SafeTensor } from '@vqkit/checkpoint';
import {
  CHECKSUM,
  readBytes,
  readSafetensors,
  withFileErrors,
  writeFileAtomic,
  writeSafetensors,
} from '@vqkit/checkpoint/node';
import { integersOf, OptionError, phrase, shorten, show } from '@vqkit/core-tensor';
import { count, counted, problemOf } from '@vqkit/schema';
import { z } from 'zod';
import { type ExampleRange, requireRange, shardsAt, shardTokens } from './shards/at-path.ts';
import { MANIFEST } from './shards/manifest.ts';
import type { TokenNotes, Tokens } from './tokens.ts';

const FORMAT = 'vqkit-tokens-1';
/** The tensor of a file of tokens. */
export const IDS = 'ids';

const notesSchema = z.strictObject({
  tokenizer: z.string().regex(/^[0-9a-f]{64}$/, 'SHA-256 in hexadecimal'),
  codebookSize: count(1),
  numCodebooks: count(1),
  imageShape: z.tuple([count(1), count(1), count(1)]),
  images: z.array(z.string()).optional(),
});

/**
 * Throws unless the ending of a file of tokens says what it is to be.
 * @throws OptionError
 */
export function requireTokenFile(where: string, path: string): void {
  if (['.safetensors', '.npy'].includes(extname(path))) return;
  throw new OptionError(
    where,
    'the file of tokens',
    'end in .safetensors or .npy',
    path,
    'Write for example tokens.safetensors.',
  );
}

/**
 * Writes tokens, atomically: a safetensors file with the tensor `ids` (I32) and everything known of them in its metadata, with a checksum, or
 * an .npy file (int32), which holds the ids alone.
 *
 * @throws OptionError for another ending; CheckpointError when the notes are not those of the ids, which {@link readTokens} would refuse.
 */
export async function writeTokens(path: string, { ids, shape, notes }: Tokens): Promise<void> {
  requireTokenFile('writeTokens', path);
  if (extname(path) === '.npy') return writeFileAtomic(path, encodeNpy(ids, shape));
  const texts = notes === undefined ? {} : noteTexts(requireNotes(`writeTokens: ${path}`, notes, ids, shape));
  const tensors = { [IDS]: { dtype: 'I32', shape, data: ids } } as const;
  await writeSafetensors(path, tensors, { ...texts, [CHECKSUM]: '' });
}

/** Notes as the metadata of a safetensors file. */
export function noteTexts(notes: TokenNotes): Record<string, string> {
  const given = Object.entries({ format: FORMAT, ...notes }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    given.map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

/**
 * Reads a file of tokens. Any safetensors file that holds `ids`, and any .npy file, of integers of whatever type that fit into 32 bits,
 * will do: a language model may have written it. So will a folder of shards, or one of its shards in whatever format.
 *
 * @param range only these examples.
 * @throws OptionError, CheckpointError, DtypeError or DataError naming the file and what is wrong with it.
 */
export async function readTokens(path: string, range: ExampleRange = {}): Promise<Tokens> {
  const where = `readTokens: ${path}`;
  const shards = await shardsAt(path);
  if (shards !== undefined) return shardTokens(where, shards, range);
  const whole = await readTokenFile(where, path);
  const { ids, shape, notes } = whole;
  const [count = 0, ...tokenShape] = shape;
  if (range.from === undefined && range.to === undefined) return whole;
  const [from, to] = requireRange(where, count, range);
  const width = tokenShape.reduce((product, length) => product * length, 1);
  return {
    ids: ids.subarray(from * width, to * width),
    shape: [to - from, ...tokenShape],
    first: from,
    notes: notes && { ...notes, images: notes.images?.slice(from, to) },
  };
}

async function readTokenFile(where: string, path: string): Promise<Tokens> {
  // What is not there has no wrong ending, and neither has a folder.
  const entry = await withFileErrors('readTokens', path, 'be a readable file', stat(path));
  if (entry.isDirectory()) {
    const got = phrase(`a folder without ${MANIFEST}`, path);
    const fix = 'Name a file, or a folder of vqkit encode --shards.';
    throw new OptionError('readTokens', path, 'be a file of tokens or a folder of shards', got, fix);
  }
  requireTokenFile('readTokens', path);
  if (extname(path) === '.npy') return tokensOf(where, decodeNpy(await readBytes(path), path));
  const { tensors, metadata } = await readSafetensors(path);
  const { [IDS]: ids } = tensors;
  if (ids === undefined) {
    const rule = `hold the tensor '${IDS}' of integers`;
    throw new CheckpointError('readTokens', path, rule, Object.keys(tensors), 'Pass what vqkit encode wrote.');
  }
  const tokens = tokensOf(where, ids);
  if (metadata.format !== FORMAT) return tokens;
  return { ...tokens, notes: requireNotes(where, parsedNotes(where, metadata), tokens.ids, tokens.shape) };
}

function tokensOf(where: string, ids: SafeTensor): Tokens {
  return { ids: integersOf(where, IDS, ids), shape: ids.shape };
}

/** The metadata as the notes that they are texts of; what is unknown stays, for the schema to refuse. */
function parsedNotes(
  where: string,
  { format, tokenizer, [CHECKSUM]: _, ...texts }: Readonly<Record<string, string>>,
): unknown {
  const values = Object.entries(texts).map(([key, text]) => {
    const value = parseJson(text, (rule, found) => {
      return new CheckpointError(
        where,
        `note '${shorten(key)}'`,
        `be ${rule}`,
        phrase(found),
        'Encode the images again.',
      );
    });
    return [key, value] as const;
  });
  return { tokenizer, ...Object.fromEntries(values) };
}

/** Throws unless the notes are whole and fit the ids. */
function requireNotes(where: string, given: unknown, ids: Int32Array, shape: readonly number[]): TokenNotes {
  const result = notesSchema.safeParse(given);
  const fix = 'Encode the images again.';
  if (!result.success) {
    const { path, rule, value } = problemOf(result.error, given);
    throw new CheckpointError(where, `notes ${path}`.trim(), rule, value, fix);
  }
  const { images, codebookSize, numCodebooks } = result.data;
  if (images !== undefined && images.length !== shape[0]) {
    throw new CheckpointError(
      where,
      'notes',
      `name each of the ${show(shape[0])} images`,
      phrase(counted(images.length, 'name'), images.length),
      fix,
    );
  }
  if (numCodebooks > 1 && shape.at(-1) !== numCodebooks) {
    throw new CheckpointError(where, 'ids', `have ${numCodebooks} columns`, phrase(`shape ${show(shape)}`, shape), fix);
  }
  const wrong = ids.find((id) => id < -1 || id >= codebookSize);
  if (wrong !== undefined) {
    throw new CheckpointError(where, 'ids', `be in [0, ${codebookSize}) or -1`, wrong, fix);
  }
  return result.data;
}
