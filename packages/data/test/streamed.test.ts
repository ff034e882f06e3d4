import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fullRun } from '@vqkit/testing';
import { temporaryFolder } from '@vqkit/testing/pictures';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodePictures } from '../src/decode-pictures.ts';
import { createDecodePool } from '../src/decode-pool.ts';
import { type DatasetOptions, loadDataset, openDataset } from '../src/node.ts';

let folder = '';
beforeAll(async () => {
  folder = await temporaryFolder();
  for (let i = 0; i < 12; i++) {
    await sharp({ create: { width: 30, height: 20, channels: 3, background: { r: 20 * i, g: 10, b: 200 - 9 * i } } })
      .png()
      .toFile(join(folder, `${String(i).padStart(2, '0')}.png`));
  }
});

const options = (changes: Partial<DatasetOptions> = {}): DatasetOptions => ({
  data: 'folder',
  dataPath: folder,
  imageSize: 8,
  widths: [4],
  validationSize: 2,
  testSize: 2,
  seed: 3,
  ...changes,
});

const positions = Int32Array.of(7, 0, 3);

describe('threads that decode', () => {
  it('read every picture while others begin to decode in the same process', async () => {
    const files = [0, 1, 2, 3].map((i) => join(folder, `0${i}.png`));
    const pool = createDecodePool({ size: [8, 8], channels: 3 }, 3);
    const decodeAll = Promise.all(Array.from({ length: 120 }, () => pool.decode(files)));
    const begun = { done: false };
    void decodeAll.then(() => Object.assign(begun, { done: true }));
    while (!begun.done) {
      for (let i = 0; i < 200; i++) void decodePictures([], [8, 8], 3);
      await setImmediate();
    }
    expect((await decodeAll).flatMap(({ skipped }) => skipped)).toEqual([]);
    pool.close();
  });
});

describe('openDataset', () => {
  it('gives the same pictures in the same order whether they are held or not, by any number of threads', async () => {
    for (const own of [{}, { cropFrom: 10, flip: true }, { flip: true, fit: 'pad' }] as const) {
      const held = await loadDataset(options(own));
      for (const workers of fullRun ? [1, 3] : [3]) {
        const opened = await openDataset(options({ ...own, cacheMb: 0, workers }));
        try {
          expect(opened.train.readAhead).toBeGreaterThan(0);
          expect(opened.train.shape).toEqual([8, 8, 3]);
          for (const part of ['train', 'validation', 'test'] as const) {
            expect(opened[part].count).toBe(held[part].count);
            const all = Int32Array.from({ length: held[part].count }, (_, i) => i);
            expect(await opened[part].batch(all)).toEqual(held[part].batch(all));
          }
          for (const draw of [0, 5, 0]) {
            expect(await opened.train.batch(positions, draw)).toEqual(held.train.batch(positions, draw));
          }
          expect(opened.options).toEqual(held.options);
        } finally {
          opened.close();
        }
      }
    }
  });

  it('holds what fits, and reads that no more', async () => {
    const opened = await openDataset(options());
    expect(opened.train.readAhead).toBeUndefined();
    opened.close();
  });

  it('names a picture that cannot be read once, and leaves it out of its batch', async () => {
    const copy = await temporaryFolder();
    for (let i = 0; i < 12; i++) {
      const name = `${String(i).padStart(2, '0')}.png`;
      await writeFile(join(copy, name), i === 5 ? 'no picture' : await readFile(join(folder, name)));
    }
    const warnings: string[] = [];
    const onWarning = (message: string): void => {
      warnings.push(message);
    };
    const settings = options({ dataPath: copy, cacheMb: 0, workers: 2, validationSize: 0, testSize: 1 });
    const opened = await openDataset(settings, { onWarning });
    try {
      const all = Int32Array.from({ length: opened.train.count }, (_, i) => i);
      const first = await opened.train.batch(all);
      expect(first.length).toBe((opened.train.count - 1) * 8 * 8 * 3);
      expect(await opened.train.batch(all)).toEqual(first);
      expect(warnings).toEqual([expect.stringMatching(/^Skipped .*05\.png: by its content no PNG or JPEG/)]);
      expect(opened.skipped).toHaveLength(1);
    } finally {
      opened.close();
    }
  });

  it('reads tars as webdataset writes them, with names of any length', async () => {
    const tars = await temporaryFolder();
    const names = Array.from({ length: 12 }, (_, i) => `${String(i).padStart(2, '0')}.png`);
    const long = `${'x'.repeat(150)}/`;
    const members = await Promise.all(
      names.map(async (name, i) => [i === 3 ? long + name : name, await readFile(join(folder, name))] as const),
    );
    await mkdir(join(tars, 'a'));
    await writeFile(join(tars, 'a', '0.tar'), tarOf([...members.slice(0, 7), ['00.json', Buffer.from('{}')]]));
    await writeFile(join(tars, 'a', '1.tar'), tarOf(members.slice(7)));
    const held = await loadDataset(options());
    const opened = await openDataset(options({ dataPath: tars }));
    try {
      expect(opened.train.count).toBe(held.train.count);
      expect(await opened.train.batch(positions)).toEqual(held.train.batch(positions));
      expect(opened.notes().sha256).toMatch(/^[0-9a-f]{64}$/);
    } finally {
      opened.close();
    }
    await writeFile(join(tars, 'a', '1.tar'), tarOf(members.slice(7)).subarray(0, 520));
    await expect(openDataset(options({ dataPath: tars }))).rejects.toThrow(/1\.tar must hold whole files/);
    await writeFile(join(tars, 'a', '1.tar'), Buffer.alloc(2048, 7));
    await expect(openDataset(options({ dataPath: tars }))).rejects.toThrow(
      /1\.tar must be a tar, got no header at byte 0/,
    );
  });
});

/** A tar of these files; names of more than 100 bytes as GNU's tar has them. */
function tarOf(files: readonly (readonly [name: string, bytes: Buffer])[]): Buffer {
  const member = (name: string, bytes: Buffer, type: string): Buffer => {
    const header = Buffer.alloc(512);
    header.write(name.length > 100 ? basename(name) : name, 0);
    header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('        ', 148);
    header.write(type, 156);
    header.write('ustar\0', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
  };
  const parts = files.flatMap(([name, bytes]) => [
    ...(name.length > 100 ? [member('././@LongLink', Buffer.from(`${name}\0`), 'L')] : []),
    member(name, bytes, '0'),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}
