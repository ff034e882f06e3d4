import { createHash } from 'node:crypto';
import { requireWritable } from '@vqkit/checkpoint/node';
import { Interrupted } from '@vqkit/data';
import {
  countSkipped,
  DATA_NAMES,
  type DataName,
  openImages,
  PART_NAMES,
  requireReadable,
  type SkippedImage,
  type SourceOptions,
} from '@vqkit/data/node';
import { checkOptions, count, field } from '@vqkit/schema';
import { loadImageTokenizer } from '@vqkit/tokenizer';
import { requireTokenFile, type Tokens, writeTokens } from '@vqkit/tokens';
import { z } from 'zod';
import { startEngine } from '../engine.ts';
import { fitField, imageSizeType } from '../modalities/images/options.ts';
import { filesToKeep } from '../run-folder.ts';
import { imageExamples } from '../shards/examples.ts';
import { idBlocks } from '../shards/id-blocks.ts';
import { readTokenizer } from '../tokenizer.ts';
import { ENGINE_HELP, ENGINE_NAMES, type EngineName } from '../train-options.ts';

/** What a caller of {@link encodeImages} and {@link decodeTokens} may watch and stop. */
export interface TokenHooks {
  /** Everything is ready. */
  onStart?(info: { images: number; engine: string }): void;
  /** After every batch: images done. */
  onImages?(done: number): void;
  /** Something the user should know: a skipped image. */
  onWarning?(message: string): void;
  /** Aborting it stops after the current batch; nothing is written. */
  readonly signal?: AbortSignal | undefined;
}

/** How a call ended. */
export type TokenResult<Finished> =
  | ({ readonly status: 'finished'; readonly out: string; readonly images: number } & Finished)
  | { readonly status: 'interrupted' };

/** What was encoded. */
export interface Encoded {
  /** Ids per image and codebook, shape of one image's. */
  readonly tokenShape: readonly number[];
  readonly bitsPerToken: number;
  readonly tokensPerImage: number;
  readonly skipped: number;
}

/** Options of {@link encodeImages}, described in {@link encodeJsonSchema}. */
export interface EncodeOptions extends SourceOptions {
  readonly batchSize?: number | undefined;
  readonly limit?: number | undefined;
  readonly out?: string | undefined;
  readonly engine?: EngineName | undefined;
  readonly threads?: number | undefined;
}

const DEFAULTS = { batchSize: 256, out: 'tokens.safetensors', engine: 'auto' } as const;

/** Where decoding starts. */
export const fromField: z.ZodOptional<z.ZodInt> = field(count(0), 'Starts with this one, counted from 0.', 0);

/** Options that encoding and decoding share. */
export const runFields: {
  batchSize: z.ZodOptional<z.ZodInt>;
  limit: z.ZodOptional<z.ZodInt>;
  engine: z.ZodOptional<z.ZodEnum<{ [Name in EngineName]: Name }>>;
  threads: z.ZodOptional<z.ZodInt>;
} = {
  batchSize: field(count(1), 'Images at a time.', DEFAULTS.batchSize),
  limit: field(count(1), 'Only this many images, from the first.'),
  engine: field(z.enum(ENGINE_NAMES), ENGINE_HELP, DEFAULTS.engine),
  threads: field(count(1), 'Threads of the wasm engine. Default all cores.'),
};

/** Options of where examples come from. */
export const sourceFields: {
  data: z.ZodOptional<z.ZodEnum<{ [Name in DataName]: Name }>>;
  dataPath: z.ZodOptional<z.ZodString>;
  paths: z.ZodOptional<z.ZodArray<z.ZodString>>;
  part: z.ZodOptional<z.ZodEnum<{ [Name in (typeof PART_NAMES)[number]]: Name }>>;
  imageSize: z.ZodOptional<typeof imageSizeType>;
  fit: typeof fitField;
} = {
  data: field(
    z.enum(DATA_NAMES),
    "The images: 'mnist' (comes along), 'idx' (in MNIST's format), 'folder' (PNG and JPEG, with its subfolders). Default what the path holds, or mnist without a path.",
  ),
  dataPath: field(
    z.string().min(1),
    "Where they are. For 'idx' a file, or a folder with MNIST's names; for 'folder' a folder.",
  ),
  paths: field(z.array(z.string().min(1)).min(1), "Pictures and folders, instead of 'dataPath'."),
  part: field(z.enum(PART_NAMES), "Which part of 'mnist' or of a folder of 'idx' files. Default train."),
  imageSize: field(
    imageSizeType,
    "Height and width that the pictures of a 'folder' are resized to, or one number for squares. Default the tokenizer's training size.",
  ),
  fit: fitField,
};

const schema = z.strictObject({
  ...sourceFields,
  out: field(
    z.string().min(1),
    "The file of tokens: .safetensors with the tensor 'ids' and notes, or .npy with the ids alone.",
    DEFAULTS.out,
  ),
  ...runFields,
});

/** The options of {@link encodeImages} as JSON Schema, to make flags from; all but `paths`, which are arguments. */
export function encodeJsonSchema(): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(schema.omit({ paths: true }));
}

/**
 * Encodes images to a file of token ids, int32 [images, rows, columns] (and codebooks). Pictures are read batch by batch, so that only the ids
 * stay in memory, 4 bytes each; the file is written whole, at the end. Pictures that cannot be read are left out and named.
 *
 * @param path a run folder, a checkpoint or a tokenizer file.
 * @param options `paths` names pictures and folders of them; without paths MNIST is encoded.
 * @throws OptionError, DataError or CheckpointError naming what is wrong; then nothing is written.
 * @example
 * await encodeImages('runs/mnist-fsq-1234', { part: 'test', limit: 1000, out: 'test.safetensors' });
 */
export async function encodeImages(
  path: string,
  options: EncodeOptions = {},
  hooks: TokenHooks = {},
): Promise<TokenResult<Encoded>> {
  const where = 'encodeImages';
  const given = checkOptions(schema, options, where);
  const { out = DEFAULTS.out, engine = DEFAULTS.engine } = given;
  const batchSize = given.batchSize ?? DEFAULTS.batchSize;
  requireTokenFile(where, out);
  await requireWritable(where, out, [...(await filesToKeep(path)), ...(given.paths ?? [given.dataPath ?? path])]);
  const file = await readTokenizer(path);
  const started = await startEngine({ engine, threads: given.threads });
  const tokenizer = loadImageTokenizer(file, path);
  try {
    const source = await openImages(where, given, tokenizer, (message) => hooks.onWarning?.(message));
    const { height, width, channels } = source;
    const total = Math.min(source.count, given.limit ?? source.count);
    hooks.onStart?.({ images: total, engine: started.engine });

    const parts: Int32Array[] = [];
    const names: string[] = [];
    const skipped: SkippedImage[] = [];
    const skip = (left: readonly SkippedImage[]): void => {
      for (const { file: picture, reason } of left) hooks.onWarning?.(`Skipped ${picture}: ${reason}`);
      skipped.push(...left);
    };
    skip(source.skipped);
    let images = 0;
    const examples = imageExamples(source);
    for await (const block of idBlocks(tokenizer, examples, { from: 0, to: total, batchSize, signal: hooks.signal })) {
      skip(block.skipped.map(({ name, reason }) => ({ file: name, reason })));
      if (!(block.keys instanceof BigInt64Array)) names.push(...block.keys);
      parts.push(block.ids);
      images += block.keys.length;
      hooks.onImages?.(block.done);
    }
    requireReadable(where, given.dataPath ?? given.paths?.join(', ') ?? 'mnist', images, skipped);
    const tokenShape = tokenizer.tokenShape(height, width);
    const { codebookSize, numCodebooks, bitsPerToken } = tokenizer;
    const tokens: Tokens = {
      ids: joined(parts),
      shape: [images, ...tokenShape],
      notes: {
        tokenizer: createHash('sha256').update(file).digest('hex'),
        codebookSize,
        numCodebooks,
        imageShape: [height, width, channels],
        images: names.length > 0 ? names : undefined,
      },
    };
    await writeTokens(out, tokens);
    const tokensPerImage = tokenizer.tokensPerImage(height, width);
    return {
      status: 'finished',
      out,
      images,
      tokenShape,
      bitsPerToken,
      tokensPerImage,
      skipped: countSkipped(skipped),
    };
  } catch (error) {
    if (error instanceof Interrupted) return { status: 'interrupted' };
    throw error;
  } finally {
    tokenizer.dispose();
  }
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
