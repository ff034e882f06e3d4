import { createHash } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { tensor, tidy } from '@tensorflow/tfjs-core';
import { CHECKSUM, decodeSafetensors } from '@vqkit/checkpoint';
import { requireWritableFolder, withFileErrors, writeFileAtomic } from '@vqkit/checkpoint/node';
import { OptionError, phrase, show } from '@vqkit/core-tensor';
import { letSignalsIn } from '@vqkit/data';
import { requirePictureChannels } from '@vqkit/data/node';
import { checkOptions, counted, field } from '@vqkit/schema';
import { assertTokens, type ImageTokenizer, loadImageTokenizer, pixelsFromImages } from '@vqkit/tokenizer';
import { readTokens, type Tokens } from '@vqkit/tokens';
import sharp from 'sharp';
import { z } from 'zod';
import { startEngine } from '../engine.ts';
import { pathOf, readTokenizer, type TokenizerSource } from '../tokenizer.ts';
import type { EngineName } from '../train-options.ts';
import { fromField, runFields, type TokenHooks, type TokenResult } from './encode-images.ts';
import { pictureNames } from './picture-names.ts';

/** Options of {@link decodeTokens}. */
export interface DecodeOptions {
  readonly batchSize?: number | undefined;
  readonly from?: number | undefined;
  readonly limit?: number | undefined;
  readonly out?: string | undefined;
  readonly engine?: EngineName | undefined;
  readonly threads?: number | undefined;
}

const OUT = 'decoded';
/** Of one picture: what the decoder holds for it is many times as much. */
const MAX_PIXELS = 2 ** 24;
const BATCH_SIZE = 256;

const schema = z.strictObject({
  out: field(z.string().min(1), 'The folder of the pictures, new or empty.', OUT),
  from: fromField,
  ...runFields,
});

/** The options of {@link decodeTokens} as JSON Schema, to make flags from. */
export function decodeJsonSchema(): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(schema);
}

/**
 * Decodes a file of tokens, of {@link encodeImages} or of a language model, to one PNG per image: see {@link pictureNames} for
 * their names.
 *
 * @param source a run folder, a checkpoint or a tokenizer file: the one that encoded them.
 * @param file of tokens, .safetensors or .npy; a folder of shards, or one of them.
 * @throws OptionError when the tokens are another tokenizer's or the folder is not empty; DataError for ids that no code has;
 * CheckpointError for damaged files.
 * @example
 * await decodeTokens('runs/mnist-fsq-1234', 'test.safetensors', { out: 'decoded', limit: 100 });
 */
export async function decodeTokens(
  source: TokenizerSource,
  file: string,
  options: DecodeOptions = {},
  hooks: TokenHooks = {},
): Promise<TokenResult<object>> {
  const where = 'decodeTokens';
  const { out = OUT, batchSize = BATCH_SIZE, from: first = 0, limit, ...given } = checkOptions(schema, options, where);
  const { engine = 'auto', threads } = given;
  const bytes = await readTokenizer(source);
  const tokens = await readTokens(file, { from: first, to: limit === undefined ? undefined : first + limit });
  requireOwnTokens(where, file, bytes, tokens);
  const nameOf = pictureNames(tokens);
  await requireEmpty(where, out);
  await requireWritableFolder(where, out);
  const started = await startEngine({ engine, threads });
  const tokenizer = loadImageTokenizer(bytes, pathOf(source));
  try {
    requireShape(where, file, tokens, tokenizer);
    const [total = 0, ...shape] = tokens.shape;
    const perImage = shape.reduce((product, length) => product * length, 1);
    hooks.onStart?.({ images: total, engine: started.engine });
    for (let from = 0; from < total; from += batchSize) {
      const to = Math.min(from + batchSize, total);
      const ids = tokens.ids.subarray(from * perImage, to * perImage);
      const pictures = await decodeBatch(`${where}: ${file}`, tokenizer, ids, [to - from, ...shape]);
      await Promise.all(pictures.map((png, i) => writePicture(join(out, nameOf(from + i)), png)));
      hooks.onImages?.(to);
      await letSignalsIn();
      if (hooks.signal?.aborted === true) return { status: 'interrupted' };
    }
    return { status: 'finished', out, images: total };
  } finally {
    tokenizer.dispose();
  }
}

async function decodeBatch(
  where: string,
  tokenizer: ImageTokenizer,
  values: Int32Array,
  shape: number[],
): Promise<Buffer[]> {
  const ids = tensor(values, shape, 'int32');
  try {
    await assertTokens(where, ids, tokenizer);
    const images = tidy(() => tokenizer.decode(ids));
    const [count, height, width, channels] = images.shape;
    requirePictureChannels(where, channels);
    const pixels = await pixelsFromImages(images, channels).finally(() => images.dispose());
    const size = height * width * channels;
    const raw = { width, height, channels };
    const space = channels === 1 ? 'b-w' : 'srgb';
    const png = (one: Uint8ClampedArray): Promise<Buffer> => sharp(one, { raw }).toColourspace(space).png().toBuffer();
    return await Promise.all(Array.from({ length: count }, (_, i) => png(pixels.subarray(i * size, (i + 1) * size))));
  } finally {
    ids.dispose();
  }
}

async function writePicture(path: string, png: Buffer): Promise<void> {
  await withFileErrors('decodeTokens', path, 'be written', mkdir(dirname(path), { recursive: true }));
  await writeFileAtomic(path, png);
}

function requireOwnTokens(where: string, file: string, tokenizer: Uint8Array, { notes }: Tokens): void {
  if (notes === undefined) return;
  const own = createHash('sha256').update(tokenizer).digest('hex');
  // Before tokenizers had a checksum, that was the SHA-256 of the same tokenizer's file.
  const { [CHECKSUM]: before } = decodeSafetensors(tokenizer).metadata;
  if (notes.tokenizer === own || notes.tokenizer === before) return;
  throw new OptionError(
    where,
    file,
    `hold tokens of this tokenizer (SHA-256 ${own.slice(0, 12)}…)`,
    phrase(`tokens of ${show(notes.tokenizer.slice(0, 12))}…`, notes.tokenizer),
    'Pass the tokenizer that encoded them.',
  );
}

function requireShape(
  where: string,
  file: string,
  { shape }: Tokens,
  { imageMultiple, tokenShape }: ImageTokenizer,
): void {
  const axes = tokenShape(imageMultiple, imageMultiple).slice(2);
  const [, rows = 0, columns = 0] = shape;
  if (shape.length !== 3 + axes.length || rows < 1 || columns < 1 || !isDeepStrictEqual(shape.slice(3), axes)) {
    const rule = `hold ids of shape [${['images', 'rows', 'columns', ...axes].join(', ')}]`;
    throw new OptionError(where, file, rule, shape, 'Reshape them as vqkit encode wrote them.');
  }
  const [height, width] = [rows * imageMultiple, columns * imageMultiple];
  if (height * width <= MAX_PIXELS) return;
  const got = phrase(`ids of ${height} × ${width}`, [height, width]);
  throw new OptionError(where, file, `hold pictures of at most ${MAX_PIXELS} pixels`, got, 'Decode parts of them.');
}

export async function requireEmpty(where: string, folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  if (names.length === 0) return;
  throw new OptionError(
    where,
    'out',
    'be a new or an empty folder',
    phrase(`${folder} with ${counted(names.length, 'file')}`, folder),
    'Choose another.',
  );
}
