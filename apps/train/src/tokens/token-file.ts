import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { CheckpointError } from '@vqkit/checkpoint';
import { readSafetensors, writeFileAtomic, writeSafetensors } from '@vqkit/checkpoint/node';
import { OptionError, show } from '@vqkit/core-tensor';
import { decodeNpy, encodeNpy } from './npy.ts';

const FORMAT = 'vqkit-tokens-1';
const IDS = 'ids';

/** The tokens of images, and what is known of them. */
export interface Tokens {
  readonly ids: Int32Array;
  /** [images, rows, columns], and the codebooks of a token where it has several. */
  readonly shape: readonly number[];
  /** Absent in an .npy file. */
  readonly notes?: TokenNotes | undefined;
}

export interface TokenNotes {
  /** SHA-256 of the tokenizer file, in hexadecimal. */
  readonly tokenizer: string;
  readonly codebookSize: number;
  readonly numCodebooks: number;
  /** [height, width, channels]. */
  readonly imageShape: readonly number[];
  /** Paths of the images in the folder that they were read from, in the order of the ids. */
  readonly images?: readonly string[] | undefined;
}

/**
 * Throws unless the ending of a file of tokens says what it is to be.
 * @throws OptionError
 */
export function requireTokenFile(where: string, path: string): void {
  if (['.safetensors', '.npy'].includes(extname(path))) return;
  throw new OptionError(
    `${where}: the file of tokens must end in .safetensors or .npy, got ${show(path)}. Write for example tokens.safetensors.`,
  );
}

/**
 * Writes tokens, atomically: a safetensors file with the tensor `ids` (I32) and everything known of them in its metadata, or an .npy file
 * (int32), which holds the ids alone.
 */
export async function writeTokens(path: string, { ids, shape, notes }: Tokens): Promise<void> {
  requireTokenFile('writeTokens', path);
  if (extname(path) === '.npy') return writeFileAtomic(path, encodeNpy(ids, shape));
  const metadata = Object.entries(notes ?? {}).filter(([, value]) => value !== undefined);
  const texts = metadata.map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]);
  await writeSafetensors(
    path,
    { [IDS]: { dtype: 'I32', shape, data: ids } },
    { format: FORMAT, ...(Object.fromEntries(texts) as Record<string, string>) },
  );
}

/**
 * Reads a file of tokens. Any safetensors file that holds `ids`, and any .npy file of integers, will do: a language model may have
 * written it.
 *
 * @throws OptionError, CheckpointError or DataError naming the file and what is wrong with it.
 */
export async function readTokens(path: string): Promise<Tokens> {
  const where = 'readTokens';
  requireTokenFile(where, path);
  if (extname(path) === '.npy') {
    const bytes = await readFile(path).catch((error: Error) => {
      throw new CheckpointError(`${where}: ${path} must be a readable file, got ${error.message}. Check the path.`);
    });
    const { data, shape } = decodeNpy(bytes, path);
    return { ids: data, shape };
  }
  const { tensors, metadata } = await readSafetensors(path);
  const { [IDS]: ids } = tensors;
  if (ids?.dtype !== 'I32' && ids?.dtype !== 'I64') {
    throw new CheckpointError(
      `${where}: ${path} must hold the tensor '${IDS}' of I32 or I64, got ${ids === undefined ? show(Object.keys(tensors)) : ids.dtype}. Pass what vqkit encode wrote.`,
    );
  }
  const data = ids.dtype === 'I32' ? ids.data : Int32Array.from(ids.data, Number);
  return { ids: data, shape: ids.shape, notes: metadata.format === FORMAT ? notesOf(path, metadata) : undefined };
}

function notesOf(path: string, { tokenizer = '', ...texts }: Readonly<Record<string, string>>): TokenNotes {
  const parsed = (key: string): unknown => (texts[key] === undefined ? undefined : JSON.parse(texts[key]));
  try {
    return {
      tokenizer,
      codebookSize: parsed('codebookSize') as number,
      numCodebooks: parsed('numCodebooks') as number,
      imageShape: parsed('imageShape') as number[],
      images: parsed('images') as string[] | undefined,
    };
  } catch (error) {
    throw new CheckpointError(
      `readTokens: ${path} must have its notes as JSON, got ${(error as Error).message}. Encode the images again.`,
    );
  }
}
