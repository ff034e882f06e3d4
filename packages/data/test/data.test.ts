import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DataError, OptionError } from '@vqkit/core-tensor';
import { idxFile, stripes, temporaryFolder, tinyIdxFolder } from '@vqkit/testing/pictures';
import { makeSpecialFile } from '@vqkit/testing/special-file';
import { describe, expect, it } from 'vitest';
import { augmentImages, createBatchOrder, createImages } from '../src/index.ts';
import { type DatasetOptions, loadDataset, readIdxImages } from '../src/node.ts';

const optionsOf = (options: Partial<DatasetOptions>): DatasetOptions => ({
  data: 'mnist',
  widths: [16, 32],
  seed: 1234,
  ...options,
});

describe('createImages', () => {
  it('scales bytes to [-1, 1] as ToTensor and Normalize(0.5, 0.5) do', () => {
    const images = createImages(Uint8Array.of(0, 255, 128, 1), [2, 1, 2, 1]);
    const { fround } = Math;
    const scaled = (p: number): number => fround((fround(p / 255) - 0.5) / 0.5);
    expect([...images.batch([1, 0])]).toEqual([scaled(128), scaled(1), -1, 1]);
  });

  it('gives subsets of subsets', () => {
    const images = createImages(Uint8Array.of(0, 51, 102, 153, 204), [5, 1, 1, 1]);
    const odd = images.subset(Int32Array.of(1, 3, 4)).subset(Int32Array.of(2, 0));
    expect(odd.count).toBe(2);
    expect([...odd.batch([0, 1])]).toEqual([...images.batch([4, 1])]);
  });
});

describe('augmentImages', () => {
  // Every pixel says where it is: 16 · row + column, in two channels.
  const pixels = Uint8Array.from(
    { length: 3 * 6 * 7 * 2 },
    (_, i) => 16 * Math.floor(((i >> 1) % 42) / 7) + ((i >> 1) % 7),
  );
  const images = createImages(pixels, [3, 6, 7, 2]);
  const size = [4, 5] as const;
  const whole = Array.from(images.batch([0]));
  /** Where a part lies, and whether it is mirrored; fails unless it is a part. */
  const placeOf = (part: readonly number[]): string => {
    for (const mirrored of [false, true]) {
      for (let top = 0; top <= 2; top++) {
        for (let left = 0; left <= 2; left++) {
          const at = (i: number): number => {
            const [y, x] = [Math.floor(i / 10), (i >> 1) % 5];
            return whole[((top + y) * 7 + left + (mirrored ? 4 - x : x)) * 2] as number;
          };
          if (part.every((value, i) => value === at(i))) return `${top} ${left} ${mirrored}`;
        }
      }
    }
    throw new Error('no part');
  };

  it('draws every part, mirrored or not, by the number of the batch alone', () => {
    const drawn = augmentImages(images, { size, flip: true, seed: 7 });
    expect(drawn).toMatchObject({ count: 3, height: 4, width: 5, shape: [4, 5, 2] });
    const places = new Set<string>();
    for (let draw = 0; draw < 60; draw++) {
      const batch = drawn.batch([2, 0, 1], draw);
      expect(batch).toEqual(augmentImages(images, { size, flip: true, seed: 7 }).batch([2, 0, 1], draw));
      for (let i = 0; i < 3; i++) places.add(placeOf(Array.from(batch.subarray(40 * i, 40 * (i + 1)))));
    }
    expect(places.size).toBe(18);
    expect(drawn.batch([0], 1)).not.toEqual(augmentImages(images, { size, flip: true, seed: 8 }).batch([0], 1));
  });

  it('gives the middle where no batch is said, and mirrors nothing unless asked', () => {
    const drawn = augmentImages(images, { size, flip: false, seed: 7 }).subset(Int32Array.of(1));
    expect(placeOf(Array.from(drawn.batch([0])))).toBe('1 1 false');
    for (let draw = 0; draw < 20; draw++) expect(placeOf(Array.from(drawn.batch([0], draw)))).toContain('false');
  });
});

describe('readIdxImages', () => {
  const pixels = Uint8Array.from({ length: 24 }, (_, i) => i);

  it('reads plain and gzipped files, whatever their names', async () => {
    const folder = await temporaryFolder();
    for (const [name, bytes] of [
      ['plain.gz', idxFile(2, 3, 4, pixels)],
      ['zipped', gzipSync(idxFile(2, 3, 4, pixels))],
    ] as const) {
      await writeFile(join(folder, name), bytes);
      const images = await readIdxImages(join(folder, name));
      expect(images).toMatchObject({ count: 2, height: 3, width: 4, channels: 1 });
      expect([...images.batch([1])]).toEqual([...createImages(pixels, [2, 3, 4, 1]).batch([1])]);
    }
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['cut short', idxFile(2, 3, 4, pixels.subarray(0, 20)), /must have 40 bytes \(2 images of 3 × 4 .* got 36 bytes/],
    ['too long', idxFile(2, 3, 4, new Uint8Array(25)), /must have 40 bytes .* got 41 bytes/],
    ['without a whole header', Uint8Array.of(0, 0, 8, 3, 0), /must have a header of 16 bytes, got 5 bytes/],
    [
      'of labels',
      Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 8, ...new Uint8Array(8)),
      /must start with 0x00000803 .* got 0x00000801/,
    ],
    ['of no images', idxFile(0, 28, 28, new Uint8Array(0)), /at least one pixel/],
    [
      'cut short in its gzip',
      gzipSync(idxFile(2, 3, 4, pixels)).subarray(0, 30),
      /must be a whole gzip file, got .* after 30 bytes/,
    ],
  ])('refuses a file %s', async (_, bytes, message) => {
    const file = join(await temporaryFolder(), 'broken-idx3-ubyte');
    await writeFile(file, bytes);
    await expect(readIdxImages(file)).rejects.toThrow(DataError);
    await expect(readIdxImages(file)).rejects.toThrow(message);
    await expect(readIdxImages(file)).rejects.toThrow(/broken-idx3-ubyte/);
  });

  it('looks at the header before it takes memory or reads on', async () => {
    const folder = await temporaryFolder();
    const zeros = gzipSync(new Uint8Array(300e6));
    const cases: [string, Uint8Array, RegExp][] = [
      ['bomb', zeros, /must start with 0x00000803 .* got 0x00000000/],
      ['longer', gzipSync(Buffer.concat([idxFile(2, 3, 4, pixels), new Uint8Array(200e6)])), /got \d+ and more bytes/],
      ['boasting', gzipSync(idxFile(60_000, 30_000, 30_000, pixels)), /\(60000 images of 30000 × 30000 .* got at most/],
      ['boasting-plain', idxFile(60_000, 30_000, 30_000, pixels), /\(60000 images .* got 40 bytes/],
    ];
    const before = process.resourceUsage().maxRSS;
    for (const [name, bytes, message] of cases) {
      await writeFile(join(folder, name), bytes);
      await expect(readIdxImages(join(folder, name))).rejects.toThrow(DataError);
      await expect(readIdxImages(join(folder, name))).rejects.toThrow(message);
    }
    expect((process.resourceUsage().maxRSS - before) / 1024, 'MB').toBeLessThan(60);
  });

  it('refuses a folder and a FIFO or socket', async () => {
    const folder = await temporaryFolder();
    await expect(readIdxImages(folder)).rejects.toThrow(`${folder} must be a file, got a folder.`);
    await makeSpecialFile(join(folder, 'special'));
    await expect(readIdxImages(join(folder, 'special'))).rejects.toThrow('must be a file, got something else.');
  });

  it('refuses a missing file', async () => {
    await expect(readIdxImages('/no/such/file')).rejects.toThrow(OptionError);
    await expect(readIdxImages('/no/such/file')).rejects.toThrow(
      /\/no\/such\/file must be a readable file, got ENOENT/,
    );
  });
});

describe('createBatchOrder', () => {
  it('visits every image once per epoch, the rest in a smaller last batch', () => {
    const order = createBatchOrder({ count: 10, batchSize: 4, seed: 1 });
    expect(order.batchesPerEpoch).toBe(3);
    const epoch = (e: number): number[][] => [0, 1, 2].map((i) => [...order.at(3 * e + i)]);
    expect(epoch(0).map((batch) => batch.length)).toEqual([4, 4, 2]);
    for (const e of [0, 1, 5])
      expect(
        epoch(e)
          .flat()
          .sort((a, b) => a - b),
      ).toEqual([...Array(10).keys()]);
    expect(epoch(0)).not.toEqual(epoch(1));
  });

  it('is a function of the seed and the step alone', () => {
    const options = { count: 100, batchSize: 7, seed: 3 };
    const [a, b] = [createBatchOrder(options), createBatchOrder(options)];
    for (const step of [0, 40, 3, 15, 14]) expect([...a.at(step)]).toEqual([...b.at(step)]);
    expect([...createBatchOrder({ ...options, seed: 4 }).at(0)]).not.toEqual([...a.at(0)]);
  });
});

describe('loadDataset', () => {
  it('reads all of MNIST', async () => {
    const data = await loadDataset(optionsOf({ validationSize: 500 }));
    expect(data.train).toMatchObject({ count: 59500, height: 28, width: 28, channels: 1 });
    expect(data.validation.count).toBe(500);
    expect(data.test.count).toBe(10000);
    // The first test image is a 7, its brightest pixel in row 8.
    expect(data.test.batch([0])[8 * 28 + 8]).toBeGreaterThan(0.5);
  });

  it('holds images out by the seed, none of them in two parts', async () => {
    const file = join(await temporaryFolder(), 'images');
    // Every image has a level of its own.
    await writeFile(
      file,
      idxFile(
        50,
        4,
        4,
        Uint8Array.from({ length: 800 }, (_, i) => 5 * Math.floor(i / 16)),
      ),
    );
    const load = (seed: number): ReturnType<typeof loadDataset> =>
      loadDataset(optionsOf({ data: 'idx', dataPath: file, validationSize: 10, seed }));
    const levels = ({ train, validation, test }: Awaited<ReturnType<typeof load>>): number[][] =>
      [train, validation, test].map((part) =>
        Array.from({ length: part.count }, (_, i) => Math.round((255 * ((part.batch([i])[0] as number) + 1)) / 10)),
      );
    const parts = levels(await load(1));
    expect(parts.map((part) => part.length)).toEqual([35, 10, 5]);
    expect(parts.flat().sort((a, b) => a - b)).toEqual([...Array(50).keys()]);
    expect(levels(await load(1))).toEqual(parts);
    expect(levels(await load(2))).not.toEqual(parts);
  });

  it('uses the train and test folders of an image folder', async () => {
    const folder = await temporaryFolder();
    for (const [part, count] of [
      ['train', 5],
      ['test', 2],
    ] as const) {
      await mkdir(join(folder, part));
      for (let i = 0; i < count; i++)
        await stripes(20 + i, 20)
          .png()
          .toFile(join(folder, part, `${i}.png`));
    }
    await writeFile(join(folder, 'test', 'broken.png'), '');
    const data = await loadDataset(optionsOf({ data: 'folder', dataPath: folder, imageSize: 16, validationSize: 1 }));
    expect([data.train.count, data.validation.count, data.test.count, data.skipped.length]).toEqual([4, 1, 2, 1]);
  });

  it('uses the val folder for the validation, and holds the test out where there is none', async () => {
    const folder = await temporaryFolder();
    const fill = async (part: string, count: number): Promise<void> => {
      await mkdir(join(folder, part));
      for (let i = 0; i < count; i++)
        await stripes(20 + i, 20)
          .png()
          .toFile(join(folder, part, `${i}.png`));
    };
    await fill('train', 10);
    await fill('val', 4);
    const config = optionsOf({ data: 'folder', dataPath: folder, imageSize: 16, validationSize: 1000 });
    const counts = async (options: object = {}): Promise<number[]> => {
      const data = await loadDataset({ ...config, ...options });
      return [data.train.count, data.validation.count, data.test.count];
    };
    expect(await counts()).toEqual([9, 4, 1]);
    expect(await counts({ validationSize: 3 })).toEqual([9, 3, 1]);
    expect(await counts({ validationSize: 0 })).toEqual([9, 0, 1]);
    await fill('test', 2);
    expect(await counts()).toEqual([10, 4, 2]);
  });

  it('refuses options that do not fit the data', async () => {
    const folder = await tinyIdxFolder();
    const refused = (options: object): Promise<unknown> =>
      loadDataset(optionsOf({ data: 'idx', dataPath: folder, widths: [4, 8], validationSize: 8, ...options }));
    await expect(refused({ imageSize: 16 })).rejects.toThrow(
      'imageSize must be the size of the images in the data, 8 × 8, got 16.',
    );
    await expect(refused({ channels: 3 })).rejects.toThrow('channels must be that of the data, 1, got 3.');
    await expect(refused({ widths: [4, 4, 4, 4] })).rejects.toThrow('imageSize must be a multiple of 16');
    await expect(refused({ validationSize: 40 })).rejects.toThrow('must leave images to train on, got 40 and 0 of 40.');
    await expect(refused({ dataPath: await temporaryFolder() })).rejects.toThrow(
      'dataPath must hold train-images-idx3-ubyte',
    );
    await expect(refused({ dataPath: join(folder, 'nothing') })).rejects.toThrow(OptionError);
    await writeFile(join(folder, 'other-train-images-idx3-ubyte'), '');
    await expect(refused({})).rejects.toThrow('must hold one file named like train-images-idx3-ubyte, got other-train');
  });
});
