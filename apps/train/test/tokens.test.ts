import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tensor } from '@tensorflow/tfjs-core';
import { CheckpointError } from '@vqkit/checkpoint';
import { readSafetensors, writeSafetensors } from '@vqkit/checkpoint/node';
import { createRng, DataError, DtypeError, OptionError, type QuantizerError } from '@vqkit/core-tensor';
import { readImageFolder } from '@vqkit/data/node';
import { pythonFile } from '@vqkit/testing';
import { blobs, temporaryFolder, tinyIdxFolder } from '@vqkit/testing/pictures';
import { createImageTokenizer, imagesFromPixels, pixelsFromImages, saveTokenizer } from '@vqkit/tokenizer';
import { readTokens, type TokenNotes, writeTokens } from '@vqkit/tokens';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer, readTokenizer } from '../src/tokenizer.ts';
import { decodeTokens } from '../src/tokens/decode-tokens.ts';
import { encodeImages, type TokenHooks } from '../src/tokens/encode-images.ts';
import { train } from '../src/train.ts';
import { tinyConfig } from './fixtures.ts';

const folder = await temporaryFolder();
const at = (...names: string[]): string => join(folder, ...names);
let data = '';

/** Trains a tokenizer of 8 × 8 blobs; nothing that it has learned matters here. */
async function trained(name: string, options: Parameters<typeof tinyConfig>[2] = {}): Promise<string> {
  await train(tinyConfig(data, at(name), { steps: 2, ...options }));
  return at(name);
}

beforeAll(async () => {
  data = await tinyIdxFolder();
  await trained('grey');
  await trained('stack', { quantizer: 'residual-fsq', quantizerOptions: { levels: [4, 3], numQuantizers: 2 } });
  await writeFile(at('grey.safetensors'), await readTokenizer(at('grey')));
});

const engine = 'cpu';

describe('encodeImages', () => {
  it.each(['safetensors', 'npy'])('writes the ids of all images to .%s, whatever the batch', async (ending) => {
    const out = at(`test.${ending}`);
    const done: number[] = [];
    const hooks: TokenHooks = { onImages: (count) => done.push(count) };
    const options = { data: 'idx', dataPath: data, part: 'test', batchSize: 5, out, engine } as const;
    expect(await encodeImages(at('grey'), options, hooks)).toEqual({
      status: 'finished',
      out,
      images: 12,
      tokenShape: [2, 2],
      bitsPerToken: Math.log2(20),
      tokensPerImage: 4,
      skipped: 0,
    });
    expect(done).toEqual([5, 10, 12]);
    const { ids, shape } = await readTokens(out);
    expect(shape).toEqual([12, 2, 2]);

    const tokenizer = await loadTokenizer(at('grey'));
    const images = imagesFromPixels(blobs(12, 2), { height: 8, width: 8, channels: 1 });
    expect(ids).toEqual(await tokenizer.encode(images).data());
    tokenizer.dispose();
  });

  it('notes what the ids are, and the tokenizer by the hash of its file, from the run as from the file', async () => {
    const [a, b] = [at('a.safetensors'), at('b.safetensors')];
    await encodeImages(at('stack'), { data: 'idx', dataPath: data, limit: 3, out: a, engine });
    await encodeImages(at('stack', 'checkpoints', 'step-2.safetensors'), {
      data: 'idx',
      dataPath: join(data, 'train-images-idx3-ubyte'),
      limit: 3,
      out: b,
      engine,
    });
    expect(await readFile(a)).toEqual(await readFile(b));
    const { tensors, metadata } = await readSafetensors(a);
    expect(tensors.ids).toMatchObject({ dtype: 'I32', shape: [3, 2, 2, 2] });
    expect(metadata).toEqual({
      format: 'vqkit-tokens-1',
      tokenizer: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      codebookSize: '12',
      numCodebooks: '2',
      imageShape: '[8,8,1]',
      'vqkit.sha256': expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });

  it('reads pictures of a folder, names them, and leaves out what it cannot read', async () => {
    const pictures = at('pictures');
    await mkdir(join(pictures, 'b'), { recursive: true });
    for (const [i, name] of ['c.png', 'b/a.jpg', 'a.png'].entries()) {
      await sharp(blobs(1, i), { raw: { width: 8, height: 8, channels: 1 } }).toFile(join(pictures, name));
    }
    await writeFile(join(pictures, 'b.png'), 'no picture');
    const warnings: string[] = [];
    const out = at('pictures.safetensors');
    const result = await encodeImages(
      at('grey'),
      { data: 'folder', dataPath: pictures, imageSize: 8, batchSize: 2, out, engine },
      { onWarning: (message) => warnings.push(message) },
    );
    expect(result).toMatchObject({ images: 3, skipped: 1 });
    expect(warnings).toEqual([expect.stringMatching(/^Skipped .*b\.png: /)]);
    const { ids, notes } = await readTokens(out);
    expect(notes?.images).toEqual(['a.png', 'b/a.jpg', 'c.png']);
    const tokenizer = await loadTokenizer(at('grey'));
    const { images } = await readImageFolder(pictures, 8, 1);
    expect(ids).toEqual(await tokenizer.encode(tensor(images.batch([0, 1, 2]), [3, 8, 8, 1])).data());
    tokenizer.dispose();

    await decodeTokens(at('grey'), out, { out: at('pictures-decoded'), engine });
    expect((await readdir(at('pictures-decoded'), { recursive: true })).sort()).toEqual([
      'a.png',
      'b',
      'b/a.jpg.png',
      'c.png',
    ]);
  });

  it('stops when it is told to, and writes nothing', async () => {
    const stop = new AbortController();
    const hooks: TokenHooks = { onImages: () => stop.abort(), signal: stop.signal };
    const options = { data: 'idx', dataPath: data, batchSize: 8, out: at('stopped.npy'), engine } as const;
    expect(await encodeImages(at('grey'), options, hooks)).toEqual({ status: 'interrupted' });
    expect(await readdir(folder)).not.toContain('stopped.npy');
  });

  it('says what is wrong, before it writes anything', async () => {
    const wrong: [object, typeof OptionError | typeof DataError, string][] = [
      [{ out: 'tokens.txt' }, OptionError, 'must end in .safetensors or .npy, got "tokens.txt".'],
      [
        { batchsize: 3 },
        OptionError,
        "encodeImages: options must have no 'batchsize', got 3. Did you mean 'batchSize'?",
      ],
      [{ dataPath: undefined }, OptionError, "dataPath must be given for data 'idx'"],
      [{ imageSize: 8 }, OptionError, "imageSize must not be given with data 'idx'"],
      [{ data: 'folder', part: 'test' }, OptionError, "part must not be given with data 'folder'"],
      [{ data: 'folder', imageSize: 10 }, OptionError, 'imageSize must be a multiple of 4'],
      [{ data: 'folder', imageSize: 1e9 }, OptionError, 'imageSize must be <= 8192, got 1000000000'],
      [{ data: 'folder', dataPath: at('none') }, OptionError, 'must be a folder'],
      [{ data: 'folder' }, DataError, 'must hold at least one readable PNG or JPEG, got none.'],
      [
        { part: 'test', dataPath: join(data, 'train-images-idx3-ubyte') },
        OptionError,
        'part must not be given with one',
      ],
    ];
    for (const [options, kind, message] of wrong) {
      const call = encodeImages(at('grey'), { data: 'idx', dataPath: data, out: at('no.npy'), engine, ...options });
      await expect(call, message).rejects.toThrow(message);
      await expect(call).rejects.toBeInstanceOf(kind);
    }
    expect(await readdir(folder)).not.toContain('no.npy');
  });
});

describe('decodeTokens', () => {
  it('writes the pictures that the tokenizer decodes, grey as grey', async () => {
    const [file, out] = [at('test.safetensors'), at('decoded')];
    expect(await decodeTokens(at('grey.safetensors'), file, { out, batchSize: 5, limit: 7, engine })).toEqual({
      status: 'finished',
      out,
      images: 7,
    });
    expect((await readdir(out)).sort()).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => `00000${i}.png`));
    const tokenizer = await loadTokenizer(at('grey'));
    const { ids } = await readTokens(file);
    const expected = await pixelsFromImages(tokenizer.decode(tensor(ids.subarray(0, 28), [7, 2, 2], 'int32')), 1);
    tokenizer.dispose();
    for (let i = 0; i < 7; i++) {
      const picture = sharp(join(out, `00000${i}.png`));
      expect(await picture.metadata()).toMatchObject({ width: 8, height: 8, channels: 1 });
      const pixels = await picture.toColourspace('b-w').raw().toBuffer();
      expect([...pixels]).toEqual([...expected.subarray(64 * i, 64 * (i + 1))]);
    }
  });

  it('takes the ids of a language model: a bare array, int64 too', async () => {
    const file = at('model.safetensors');
    await writeSafetensors(file, { ids: { dtype: 'I64', shape: [1, 2, 3], data: new BigInt64Array(6).fill(19n) } });
    expect(await decodeTokens(at('grey'), file, { out: at('from-model'), engine })).toMatchObject({ images: 1 });
    const { width, height } = await sharp(at('from-model', '000000.png')).metadata();
    expect([width, height]).toEqual([12, 8]);
  });

  it.each(['u8', 'i8', 'i16', 'u16', 'i32', 'u32', 'i64', 'u64'])('takes ids that Python wrote as %s', async (type) => {
    const pictures: Buffer[] = [];
    for (const ending of ['npy', 'safetensors']) {
      const file = at(`ids-${type}.${ending}`);
      await writeFile(file, pythonFile(`ids-${type}.${ending}`));
      expect(await readTokens(file)).toEqual({ ids: new Int32Array([0, 3, 19, 7, 1, 2, 4, 5]), shape: [2, 2, 2] });
      const out = at(`from-${type}-${ending}`);
      expect(await decodeTokens(at('grey'), file, { out, engine })).toMatchObject({ images: 2 });
      pictures.push(await readFile(join(out, '000001.png')));
    }
    expect(pictures[0]).toEqual(pictures[1]);
  });

  it.each([
    ['wrapped', DataError, "'ids' must hold values that int32 holds exactly, got 4294967299n at flat position 0."],
    ['f32', DtypeError, "'ids' must be of integers, got F32."],
    ['bool', DtypeError, "'ids' must be of integers, got BOOL."],
  ] as const)('refuses ids that Python wrote as %s', async (type, kind, message) => {
    for (const ending of ['npy', 'safetensors']) {
      const file = at(`ids-${type}.${ending}`);
      await writeFile(file, pythonFile(`ids-${type}.${ending}`));
      await expect(decodeTokens(at('grey'), file, { out: at('none'), engine })).rejects.toThrow(kind);
      await expect(readTokens(file)).rejects.toThrow(`readTokens: ${file}: ${message}`);
    }
  });

  it('refuses pictures that a small file makes huge', async () => {
    const tokenizer = createImageTokenizer({ quantizer: 'fsq', widths: Array<number>(16).fill(1) });
    await writeFile(at('huge.safetensors'), await saveTokenizer(tokenizer));
    tokenizer.dispose();
    await writeTokens(at('one.npy'), { ids: new Int32Array(1), shape: [1, 1, 1] });
    await expect(decodeTokens(at('huge.safetensors'), at('one.npy'), { out: at('huge'), engine })).rejects.toThrow(
      'must hold pictures of at most 16777216 pixels, got ids of 65536 × 65536. Decode parts of them.',
    );
  });

  it('brings ids without notes back, whatever the ending', async () => {
    const tokens = { ids: new Int32Array([3, -1, 19, 0]), shape: [1, 2, 2] };
    for (const ending of ['npy', 'safetensors']) {
      await writeTokens(at(`bare.${ending}`), tokens);
      expect(await readTokens(at(`bare.${ending}`))).toEqual(tokens);
    }
  });

  it('reads no notes that it would not write', async () => {
    const ids = { dtype: 'I32', shape: [2, 2, 2], data: new Int32Array(8) } as const;
    const notes = { tokenizer: 'a'.repeat(64), codebookSize: 20, numCodebooks: 1, imageShape: [8, 8, 1] };
    const file = at('notes.safetensors');
    const wrong: [object, string][] = [
      [{ images: 'abc' }, 'notes images must be an array, got "abc".'],
      [{ images: [1, 2] }, 'notes images[0] must be a string, got 1.'],
      [{ images: ['a.png'] }, 'notes must name each of the 2 images, got 1 name.'],
      [{ tokenizer: 'none' }, 'notes tokenizer must be valid (SHA-256 in hexadecimal), got "none".'],
      [{ codebookSize: '20' }, 'notes codebookSize must be a number, got "20".'],
      [{ codebookSize: 4 }, 'ids must be in [0, 4) or -1, got 7.'],
      [{ numCodebooks: 3 }, 'ids must have 3 columns, got shape [2,2,2].'],
      [{ imageShape: [8, 8] }, 'notes imageShape'],
      [{ more: 1 }, "notes must have no 'more', got 1."],
    ];
    for (const [change, message] of wrong) {
      const changed = { ...notes, ...change };
      const texts = Object.entries(changed).map(([key, value]) => [
        key,
        key === 'tokenizer' ? value : JSON.stringify(value),
      ]);
      const metadata = { format: 'vqkit-tokens-1', ...(Object.fromEntries(texts) as Record<string, string>) };
      const data = new Int32Array([0, 0, 0, 0, 0, 0, 0, 7]);
      await writeSafetensors(file, { ids: { ...ids, data } }, metadata);
      await expect(readTokens(file)).rejects.toThrow(CheckpointError);
      await expect(readTokens(file)).rejects.toThrow(message);
      const tokens = { ids: data, shape: ids.shape, notes: changed as unknown as TokenNotes };
      await expect(writeTokens(at('unwritten.safetensors'), tokens)).rejects.toThrow(message);
    }
    await writeSafetensors(file, { ids }, { format: 'vqkit-tokens-1', images: '{' });
    await expect(readTokens(file)).rejects.toThrow(' must be JSON in UTF-8, got ');
    expect(await readdir(folder)).not.toContain('unwritten.safetensors');
  });

  it('finds one flipped bit in a .safetensors file, wherever it is', async () => {
    const file = at('flipped.safetensors');
    await encodeImages(at('stack'), { data: 'idx', dataPath: data, limit: 3, out: file, engine });
    const whole = await readFile(file);
    const rng = createRng(4);
    for (let n = 0; n < 60; n++) {
      const bit = Math.floor(rng.uniform() * 8 * whole.length);
      const bytes = Buffer.from(whole);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      await writeFile(file, bytes);
      await expect(readTokens(file), `bit ${bit}`).rejects.toThrow(CheckpointError);
    }
  });

  it('says what is wrong with the tokens, and writes nothing', async () => {
    const test = at('test.safetensors');
    const notes = (await readTokens(test)).notes as NonNullable<Awaited<ReturnType<typeof readTokens>>['notes']>;
    await writeTokens(at('range.npy'), { ids: new Int32Array(4).fill(20), shape: [1, 2, 2] });
    await writeTokens(at('flat.npy'), { ids: new Int32Array(4), shape: [1, 4] });
    const escaping = { ...notes, images: ['../../a.png'] };
    await writeTokens(at('escape.safetensors'), { ids: new Int32Array(4), shape: [1, 2, 2], notes: escaping });
    await writeSafetensors(at('other.safetensors'), { x: { dtype: 'I32', shape: [1], data: new Int32Array(1) } });
    const wrong: [string, string, typeof QuantizerError, string][] = [
      ['stack', test, OptionError, 'must hold tokens of this tokenizer (SHA-256 '],
      ['grey', at('range.npy'), DataError, 'indices must be in [0, 20) or -1 for padding, got 20'],
      ['grey', at('flat.npy'), OptionError, 'must hold ids of shape [images, rows, columns], got [1,4].'],
      ['grey', at('escape.safetensors'), DataError, 'must have a name below its folder, got "../../a.png".'],
      ['grey', at('other.safetensors'), CheckpointError, 'must hold the tensor \'ids\' of integers, got ["x"].'],
      ['grey', at('none.npy'), CheckpointError, 'none.npy must be a readable file'],
      [
        'grey',
        at('grey'),
        OptionError,
        'must be a file of tokens or a folder of shards, got a folder without manifest.json',
      ],
    ];
    for (const [run, file, kind, message] of wrong) {
      const call = decodeTokens(at(run), file, { out: at('nothing'), engine });
      await expect(call, message).rejects.toThrow(message);
      await expect(call).rejects.toBeInstanceOf(kind);
    }
    expect(await readdir(at('nothing')).catch(() => [])).toEqual([]);
    await expect(decodeTokens(at('grey'), test, { out: at('decoded'), engine })).rejects.toThrow(
      'out must be a new or an empty folder',
    );
  });
});
