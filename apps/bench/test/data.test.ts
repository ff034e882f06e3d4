import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeWaveFromFloat32Channels } from '@echogarden/wave-codec';
import { createRng } from '@vqkit/core-tensor';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mnistPatches, photoPatches } from '../src/data/images.ts';
import { mnistLabels } from '../src/data/labels.ts';
import { melFrames } from '../src/data/mel.ts';
import { gaussianStream, storedVectors, unread, varianceOf } from '../src/data/source.ts';
import { readSpeech, speechData } from '../src/data/speech.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-data-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What readSpeech needs of an experiment's context. */
function context(dataDir: string): { dataDir: string; log: (line: string) => void } {
  return { dataDir, log: () => undefined };
}

/** A tone with noise of one second, then silence of one second. */
async function writeTone(name: string, hertz: number, sampleRate = 8000): Promise<void> {
  const rng = createRng(hertz);
  const samples = Float32Array.from({ length: 2 * sampleRate }, (_, i) =>
    i < sampleRate ? 0.5 * Math.sin((2 * Math.PI * hertz * i) / sampleRate) + 0.05 * rng.normal() : 0,
  );
  await writeFile(join(folder, name), encodeWaveFromFloat32Channels([samples], sampleRate));
}

describe('gaussianStream', () => {
  it('has the mean that is asked for, variance 1, and depends on the generator only', () => {
    const { draw, test, dim } = gaussianStream({ dim: 4, mean: 3 });
    const mean = test.reduce((sum, value) => sum + value, 0) / test.length;
    expect(mean).toBeCloseTo(3, 1);
    expect(varianceOf(test, dim)).toBeCloseTo(1, 1);
    expect(draw(5, createRng(1))).toEqual(draw(5, createRng(1)));
    expect(draw(5, createRng(1))).not.toEqual(draw(5, createRng(2)));
  });

  it('mixes few factors into features of variance 1', () => {
    const { test, dim } = gaussianStream({ dim: 32, factors: 8 });
    expect(test).toHaveLength(8192 * 32);
    expect(Math.abs(varianceOf(test, dim) - 1)).toBeLessThan(0.3);
  });

  it('replaces the share of still vectors, and keeps a test set without them', () => {
    const { test, busyTest = new Float32Array(0), dim } = gaussianStream({ dim: 8, still: 0.75 });
    const stillIn = (vectors: Float32Array): number => {
      let still = 0;
      for (let i = dim; i < vectors.length; i += dim) still += Number(distance(vectors, i, i - dim, dim) < 0.2);
      return still / (vectors.length / dim);
    };
    // Two neighbours are both still with probability 0.75².
    expect(stillIn(test)).toBeCloseTo(0.5625, 1);
    expect(stillIn(busyTest)).toBe(0);
  });
});

function distance(vectors: Float32Array, a: number, b: number, dim: number): number {
  let squares = 0;
  for (let j = 0; j < dim; j++) squares += ((vectors[a + j] as number) - (vectors[b + j] as number)) ** 2;
  return Math.sqrt(squares);
}

it('draws whole training vectors and never test vectors', () => {
  const source = storedVectors({ name: 'x', dim: 2, train: Float32Array.of(1, 2, 3, 4), test: Float32Array.of(9, 9) });
  const batch = source.draw(50, createRng(0));
  for (let i = 0; i < batch.length; i += 2)
    expect([
      [1, 2],
      [3, 4],
    ]).toContainEqual([...batch.subarray(i, i + 2)]);
});

it('cuts images into patches row by row', async () => {
  const { dim, test } = await mnistPatches.open();
  expect(dim).toBe(49);
  expect(test).toHaveLength(1000 * 16 * 49);
  // The first test image is a 7 whose top left corner is background and whose bar crosses the patch below the top row.
  expect([...test.subarray(0, 49)]).toEqual(new Array(49).fill(-1));
  expect(Math.max(...test.subarray(5 * 49, 6 * 49))).toBeGreaterThan(0.9);
});

it('reads the digits that the images show', async () => {
  const { train, test } = await mnistLabels();
  expect([train.length, test.length]).toEqual([60_000, 10_000]);
  expect([...train.subarray(0, 5), ...test.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9, 7, 2, 1, 0, 4]);
});

describe('photoPatches', () => {
  it('cuts the pictures of a folder, some of them held out, and names the data by their number', async () => {
    const photos = await mkdtemp(join(folder, 'photos-'));
    for (let i = 0; i < 20; i++) {
      const background = { r: 12 * i, g: 12 * i, b: 12 * i };
      await sharp({ create: { width: 90, height: 60, channels: 3, background } }).toFile(join(photos, `${i}.png`));
    }
    const { open } = await photoPatches(photos);
    const source = await open?.();
    // The square root of 100,000 patches over 20 pictures is 71, more than the 64 there may be in a row.
    expect(source?.name).toBe('photographs, 7 × 7 patches (20 pictures, 8192 test tokens)');
    expect(source?.test).toHaveLength(2 * 64 * 64 * 49);
    // Every picture has one colour.
    expect(new Set(source?.test).size).toBe(2);
  });

  it('says what to do where there are none', async () => {
    const empty = await mkdtemp(join(folder, 'empty-'));
    const { open, reason } = await photoPatches(empty);
    // The pictures of Debian's package may be here.
    if (open === undefined) expect(reason).toContain('apt-get install lomiri-wallpapers');
  });
});

describe('mel frames', () => {
  it('puts a full-scale tone into the band around it, near power 1, and silence at the floor', () => {
    const options = { sampleRate: 8000, window: 256, hop: 80, bands: 40 };
    const tone = Float32Array.from({ length: 512 }, (_, i) => Math.sin((2 * Math.PI * 1000 * i) / 8000));
    const frames = melFrames(tone, options);
    expect(frames).toHaveLength(4 * 40);
    const first = frames.subarray(0, 40);
    const loudest = first.indexOf(Math.max(...first));
    const mel = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
    expect(Math.abs(loudest + 1 - (mel(1000) * 41) / mel(4000))).toBeLessThan(1);
    expect(Math.max(...first)).toBeGreaterThan(Math.log(0.4));
    expect(Math.max(...first)).toBeLessThan(Math.log(1.6));
    expect(melFrames(new Float32Array(256), options).every((value) => value === Math.fround(Math.log(1e-8)))).toBe(
      true,
    );
    expect(melFrames(new Float32Array(255), options)).toHaveLength(0);
  });
});

it('reads data once, and not as others than they were measured as', async () => {
  let times = 0;
  const data = unread('some', undefined, async () => {
    times++;
    return storedVectors({ name: 'others', dim: 1, train: Float32Array.of(1), test: Float32Array.of(1) });
  });
  for (let i = 0; i < 2; i++) {
    await expect(data.open()).rejects.toThrow(
      'bench: the data must be those that the parts before were measured with, some, got others. Measure all: leave --reuse out and add --fresh.',
    );
  }
  expect(times).toBe(1);
});

describe('readSpeech', () => {
  it('reads recordings, standardises the bands and keeps the wanted share of silence', async () => {
    for (let i = 0; i < 10; i++) await writeTone(`tone-${i}.wav`, 300 + 200 * i);
    const speech = await readSpeech(context(folder));
    expect(speech?.files).toBe(10);
    expect(speech?.frames).toBe(9 * (Math.floor((16000 - 256) / 80) + 1));
    expect(speech?.sampleRate).toBe(8000);
    expect(speech?.silence).toBeGreaterThan(0.45);
    expect(speech?.silence).toBeLessThan(0.55);
    const train = speech?.source.draw(4000, createRng(1)) ?? new Float32Array(0);
    expect(Math.abs(varianceOf(train, 40) - 1)).toBeLessThan(0.1);
    const quiet = await readSpeech(context(folder), 0.9);
    expect(quiet?.silence).toBeCloseTo(0.9, 1);
    expect(quiet?.source.busyTest?.length).toBe(speech?.source.busyTest?.length);
  });

  it('is a part of the result by name and silence, and is read when something is measured', async () => {
    const speech = await readSpeech(context(folder));
    const parts: unknown[] = [];
    const measuring = async <T>(
      _name: string,
      settings: unknown,
      work: (raw: () => void) => Promise<T>,
    ): Promise<T> => {
      parts.push(settings, await work(() => undefined));
      return parts[1] as T;
    };
    await speechData({ ...context(folder), part: measuring });
    expect(parts).toEqual([{ files: 10 }, { name: speech?.source.name, silence: speech?.silence }]);
    const found = await speechData({ ...context('nowhere'), part: async <T>() => parts[1] as T });
    expect([found?.data.name, found?.silence]).toEqual([speech?.source.name, speech?.silence]);
  });

  it('says what is wrong with a file', async () => {
    await writeFile(join(folder, 'broken.wav'), 'no sound');
    await expect(readSpeech(context(folder))).rejects.toThrow(/broken\.wav must be a WAV file of PCM samples/);
    await rm(join(folder, 'broken.wav'));
    await writeTone('other.wav', 440, 16000);
    await expect(readSpeech(context(folder))).rejects.toThrow(
      /one sample rate, got 16000 Hz and 8000 Hz|got 8000 Hz and 16000 Hz/,
    );
    await rm(join(folder, 'other.wav'));
  });

  it('takes a folder without recordings for none, and the package of Debian, if it is there, with a word', async () => {
    const empty = await mkdtemp(join(folder, 'empty-'));
    const lines: string[] = [];
    const speech = await readSpeech({ dataDir: empty, log: (line) => lines.push(line) });
    expect(lines).toHaveLength(speech === undefined ? 0 : 1);
  });
});
