import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { OptionError } from '@vqkit/core-tensor';
import { stripes, temporaryFolder } from '@vqkit/testing/pictures';
import { makeSpecialFile } from '@vqkit/testing/special-file';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { Interrupted } from '../src/index.ts';
import { decodePictures, kindOfData, listPictures, loadDataset, readImageFolder } from '../src/node.ts';

describe('readImageFolder', () => {
  it('reads PNG and JPEG below the folder, cropped to the centre and resized, and names what it cannot read', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'b', 'c'), { recursive: true });
    await stripes(48, 16).png().toFile(join(folder, 'a.PNG'));
    await stripes(30, 90)
      .jpeg({ quality: 100 })
      .toFile(join(folder, 'b', 'photo.jpeg'));
    await sharp({ create: { width: 9, height: 9, channels: 4, background: '#ffffff00' } })
      .png()
      .toFile(join(folder, 'b', 'c', 'clear.png'));
    await writeFile(join(folder, 'b', 'broken.png'), 'not an image');
    const whole = await stripes(64, 64).jpeg().toBuffer();
    await writeFile(join(folder, 'b', 'cut.jpg'), whole.subarray(0, whole.length / 2));
    await writeFile(join(folder, 'notes.txt'), 'ignored');

    const { images, skipped } = await readImageFolder(folder, 8, 3);
    expect(images).toMatchObject({ count: 3, height: 8, width: 8, channels: 3 });
    expect(skipped.map(({ file }) => file)).toEqual([join(folder, 'b', 'broken.png'), join(folder, 'b', 'cut.jpg')]);
    for (const { reason } of skipped) expect(reason).toMatch(/\w/);
    const middle = 3 * (8 * 4 + 4);
    expect([...images.batch([0]).subarray(middle, middle + 3)], 'the centre of the stripes is green').toEqual([
      -1, 1, -1,
    ]);
    expect(
      [...images.batch([1])].every((value) => value === -1),
      'transparent is black',
    ).toBe(true);

    const grey = await readImageFolder(folder, 8, 1);
    expect(grey.images).toMatchObject({ count: 3, channels: 1 });
  });

  it('refuses a missing folder and one without a readable image', async () => {
    await expect(readImageFolder('/no/such/folder', 8, 3)).rejects.toThrow(OptionError);
    await expect(readImageFolder('/no/such/folder', 8, 3)).rejects.toThrow(
      'readImageFolder: /no/such/folder must be a folder, got none there. Check dataPath, or create it and put images in.',
    );
    const folder = await temporaryFolder();
    await expect(readImageFolder(folder, 8, 3)).rejects.toThrow(/at least one readable PNG or JPEG, got none/);
    await writeFile(join(folder, 'x.png'), '');
    await expect(readImageFolder(folder, 8, 3)).rejects.toThrow(/got 1 unreadable, the first .*x\.png/);
  });
});

/** The check value of a chunk of a PNG file. */
function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

/** One pixel of one channel or more, as sharp gives it back. */
async function pixelOf(file: string, channels: number): Promise<number[]> {
  const { decoded, skipped } = await decodePictures([file], 1, channels);
  expect(skipped).toEqual([]);
  return [...(decoded[0]?.pixels ?? [])];
}

describe('decodePictures', () => {
  const colour = { r: 200, g: 100, b: 50 };
  const one = (width = 1, height = 1): Sharp => sharp({ create: { width, height, channels: 3, background: colour } });

  it('reads 16-bit, CMYK, grey with alpha, and a single pixel', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'x');
    await one().png().toFile(file);
    expect(await pixelOf(file, 3)).toEqual([200, 100, 50]);
    await one().toColourspace('rgb16').png().toFile(file);
    expect((await sharp(file).metadata()).depth).toBe('ushort');
    expect(await pixelOf(file, 3)).toEqual([200, 100, 50]);
    await one(8, 8).toColourspace('cmyk').jpeg({ quality: 100 }).toFile(file);
    expect((await sharp(file).metadata()).space).toBe('cmyk');
    const [r = 0, g = 0, b = 0] = await pixelOf(file, 3);
    expect(r > g && g > b, `${[r, g, b]}`).toBe(true);
    await sharp(Uint8Array.of(240, 255), { raw: { width: 1, height: 1, channels: 2 } })
      .toColourspace('b-w')
      .png()
      .toFile(file);
    expect((await sharp(file).metadata()).channels).toBe(2);
    expect(await pixelOf(file, 1)).toEqual([240]);
    expect(await pixelOf(file, 3)).toEqual([240, 240, 240]);
  });

  it('turns a picture upright as its EXIF says', async () => {
    const file = join(await temporaryFolder(), 'turned.jpg');
    await stripes(48, 48).withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toFile(file);
    const { decoded } = await decodePictures([file], 3, 3);
    // The red of the left third is at the top.
    const [top, middle, bottom] = [0, 3, 6].map((i) => [...(decoded[0]?.pixels.subarray(3 * i, 3 * i + 3) ?? [])]);
    for (const [place, pixel] of [top, middle, bottom].entries()) {
      expect(pixel?.indexOf(Math.max(...pixel)), `${pixel}`).toBe(place);
    }
  });

  it('reads PNG and JPEG alone, whatever the name: no other loader runs', async () => {
    const folder = await temporaryFolder();
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
    const contents: [string, Uint8Array | string, RegExp][] = [
      ['svg.png', svg, /by its content no PNG or JPEG, but SVG/],
      ['webp.jpg', await one().webp().toBuffer(), /but WebP/],
      ['gif.png', await one().gif().toBuffer(), /but GIF/],
      ['tiff.png', await one().tiff().toBuffer(), /but TIFF/],
      ['avif.png', await one(16, 16).avif().toBuffer(), /but HEIC or AVIF/],
      ['text.png', 'hello', /but something else/],
      ['empty.png', '', /an empty file/],
      ['begin.png', Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.from(svg)]), /\w/],
    ];
    for (const [name, content] of contents) await writeFile(join(folder, name), content);
    const files = contents.map(([name]) => join(folder, name));
    const special = join(folder, 'special.png');
    await makeSpecialFile(special);
    const { decoded, skipped } = await decodePictures([...files, special, folder], 4, 3);
    expect(decoded).toEqual([]);
    for (const [i, [, , reason]] of contents.entries()) expect(skipped[i]?.reason).toMatch(reason);
    expect(skipped.at(-2)?.reason).toBe('no regular file');
    expect(skipped.at(-1)?.reason).toBe('no regular file');
    // Blocked even where it is asked for.
    await expect(sharp(Buffer.from(svg)).metadata()).rejects.toThrow();
    await one().png().toFile(join(folder, 'png.jpg'));
    expect((await decodePictures([join(folder, 'png.jpg')], 4, 3)).decoded).toHaveLength(1);
  });

  it('refuses what is too large, and a progressive or a very wide picture sooner, without decoding it', async () => {
    const folder = await temporaryFolder();
    const [flat, wide, bands] = [join(folder, 'flat.png'), join(folder, 'wide.png'), join(folder, 'bands.jpg')];
    const progressive = await one(16, 16).jpeg({ progressive: true }).toBuffer();
    const frame = progressive.indexOf(Buffer.of(0xff, 0xc2));
    progressive.writeUInt16BE(12_000, frame + 5);
    progressive.writeUInt16BE(16_000, frame + 7);
    await writeFile(bands, progressive);
    for (const [path, width, height] of [
      [flat, 40_000, 40_000],
      [wide, 4_194_312, 34],
    ] as const) {
      const huge = await one().png().toBuffer();
      huge.writeUInt32BE(width, 16);
      huge.writeUInt32BE(height, 20);
      huge.writeInt32BE(crc32(huge.subarray(12, 29)), 29);
      await writeFile(path, huge);
    }
    const before = process.resourceUsage().maxRSS;
    const { skipped } = await decodePictures([flat, wide, bands, bands, bands, bands], 4, 3);
    expect(skipped[0]?.reason).toMatch(/pixel limit/);
    expect(skipped[1]?.reason).toMatch(
      /^too wide: its rows take 1711 MB while it is decoded, more than 268 MB; cut it/,
    );
    for (const { reason } of skipped.slice(2)) {
      expect(reason).toBe(
        'progressive and too large: its pixels take 576 MB while it is decoded, more than 268 MB; shrink it, or save it without interlacing',
      );
    }
    expect((process.resourceUsage().maxRSS - before) / 1024, 'MB').toBeLessThan(150);
  });

  it('stops when its signal is aborted', async () => {
    const file = join(await temporaryFolder(), 'x.png');
    await one().png().toFile(file);
    const work = decodePictures(Array(1000).fill(file), 1, 3, AbortSignal.abort());
    await expect(work).rejects.toThrow(Interrupted);
  });
});

describe('listPictures', () => {
  it('names a folder that leads in a circle', async () => {
    const path = join(await temporaryFolder(), 'circle');
    await symlink(path, path);
    expect(kindOfData(path)).toBe('folder');
    await expect(loadDataset({ data: 'folder', dataPath: path, widths: [16, 32], seed: 1 })).rejects.toThrow(
      `readImageFolder: ${path} must be a folder, got none there.`,
    );
  });

  it('follows links, once into each folder, passes hidden files by, and counts other formats', async () => {
    const folder = await temporaryFolder();
    const elsewhere = await temporaryFolder();
    const make = async (...names: string[]): Promise<void> => {
      await mkdir(join(...names, '..'), { recursive: true });
      await writeFile(join(...names), '');
    };
    for (const name of [
      'a.png',
      'b.JPG',
      'c.jpeg',
      '.hidden.png',
      '.git/d.png',
      'e.webp',
      'f.webp',
      'g.HEIC',
      'h.txt',
    ]) {
      await make(folder, name);
    }
    await make(elsewhere, 'deep', 'z.png');
    await symlink(elsewhere, join(folder, 'linked'));
    await symlink(elsewhere, join(folder, 'linked-again'));
    await symlink(folder, join(elsewhere, 'back'));
    await symlink(join(elsewhere, 'deep', 'z.png'), join(folder, 'y.png'));
    await symlink('nowhere', join(folder, 'x.png'));
    const { files, others } = await listPictures('test', folder);
    expect(files.map((file) => relative(folder, file))).toEqual([
      'a.png',
      'b.JPG',
      'c.jpeg',
      'linked-again/deep/z.png',
      'x.png',
      'y.png',
    ]);
    expect(others).toEqual([
      {
        file: folder,
        reason: '3 pictures are neither PNG nor JPEG (1 .heic, 2 .webp); convert them to have them read',
        count: 3,
      },
    ]);
    await expect(readImageFolder(folder, 4, 3)).rejects.toThrow(/at least one readable PNG or JPEG, got 9 unreadable/);
  });
});
