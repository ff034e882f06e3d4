import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTokens } from '@vqkit/tokens';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, vqkit } from './cli.ts';

const PHOTOS = 24;

let root: string;
const call = (line: string): Promise<Ended> => vqkit(line.split(' '), { cwd: root });
const names = async (file: string): Promise<readonly string[]> =>
  (await readTokens(join(root, file))).notes?.images ?? [];

/** A folder of small photos, and the run that the README's command makes of them. */
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'vqkit-photos-'));
  await mkdir(join(root, 'photos', 'more'), { recursive: true });
  for (let i = 0; i < PHOTOS; i++) {
    const background = { r: 10 * i, g: 255 - 10 * i, b: (60 * i) % 256 };
    const folder = i < PHOTOS / 2 ? 'photos' : 'photos/more';
    await sharp({ create: { width: 20 + i, height: 30, channels: 3, background } })
      .png()
      .toFile(join(root, folder, `${i}.png`));
  }
  const { code, stderr } = await call(
    'train --data-path photos --image-size 16 --quantizer fsq --steps 2 --out-dir run',
  );
  expect(stderr).toMatch(/20 training, 2 validation and 2 test images/);
  expect(code).toBe(0);
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describe('a folder of fewer photos than the validation of MNIST', () => {
  it('trains by the command of the README, and its run says how it was divided', async () => {
    const config = JSON.parse(await readFile(join(root, 'run/config.json'), 'utf8')) as Record<string, unknown>;
    expect(config).toMatchObject({ data: 'folder', dataPath: 'photos', validationSize: 2 });
    expect((await call('train --resume run --steps 3')).code).toBe(0);
  });

  it('knows the size that it was trained at', async () => {
    const { stdout } = await call('export run --out photos.safetensors');
    expect(stdout).toContain('RGB, trained on 16 × 16 pixels');
  });
});

describe('encode', () => {
  it('takes one picture, at the size of the training', async () => {
    const { code, stdout, stderr } = await call('encode run photos/3.png --out one.safetensors');
    expect([code, stdout]).toEqual([0, '1 image: 16 tokens each (ids 4 × 4) of 7.91 bits\none.safetensors\n']);
    expect(stderr).not.toContain('warning');
    expect(await names('one.safetensors')).toEqual(['3.png']);
  });

  it('takes several pictures and folders, whose names stay apart, and decodes them under these', async () => {
    const { code } = await call('encode run photos/3.png photos/more --out some.safetensors');
    expect(code).toBe(0);
    const some = await names('some.safetensors');
    expect(some).toHaveLength(1 + PHOTOS / 2);
    expect(some.slice(0, 2)).toEqual(['3.png', 'more/12.png']);
    expect((await call('decode run some.safetensors --out decoded')).code).toBe(0);
    expect((await readdir(join(root, 'decoded'))).sort()).toEqual(['3.png', 'more']);
  });

  it('takes what a path holds for the data', async () => {
    const { code, stdout } = await call('encode run --data-path photos --out all.safetensors');
    expect([code, stdout.split(':')[0]]).toEqual([0, `${PHOTOS} images`]);
  });

  it('says so when the size is not that of the training', async () => {
    const { code, stderr } = await call('encode run photos --image-size 32 --out large.npy');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: The tokenizer was trained on images of 16 × 16 pixels, got 32 × 32: /m);
  });
});
