import { copyFile, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { siSdr } from '@vqkit/audio';
import { describe, expect, it } from 'vitest';
import { createSoundSet } from '../src/audio/sound-set.ts';
import { decodeWav, isWav, soundForModel } from '../src/index.ts';
import { decodeSound, encodeWav, nameSounds, readSound, readSounds } from '../src/node.ts';

const sounds = new URL('./sounds/', import.meta.url).pathname;
const bytesOf = (name: string): Promise<Buffer> => readFile(join(sounds, name));
const tone = (samples: number, rate: number, loud = 0.4): Float32Array =>
  Float32Array.from({ length: samples }, (_, i) => loud * Math.sin((2 * Math.PI * 440 * i) / rate));

/** The bytes with some of them replaced. */
async function changed(
  name: string,
  changes: readonly (readonly [at: number, bytes: readonly number[]])[],
): Promise<Buffer> {
  const bytes = Buffer.from(await bytesOf(name));
  for (const [at, values] of changes) bytes.set(values, at);
  return bytes;
}

describe('decodeSound', () => {
  it.each([
    ['tone.wav', 8000, 1, 4000, 60],
    ['tone-24.wav', 8000, 2, 800, 100],
    ['tone-float.wav', 16_000, 1, 800, 100],
    ['tone.flac', 8000, 2, 4000, 60],
    ['tone.ogg', 8000, 1, 4000, 20],
  ] as const)('reads %s as it was written', async (name, sampleRate, channels, samples, ratio) => {
    const sound = await decodeSound(await bytesOf(name));
    expect([sound.sampleRate, sound.channels.map(({ length }) => length)]).toEqual([
      sampleRate,
      Array(channels).fill(samples),
    ]);
    const [left = new Float32Array(), right = left] = sound.channels;
    expect(siSdr(left, tone(samples, 8000))).toBeGreaterThan(ratio);
    const rms = (x: Float32Array): number => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length);
    expect(rms(left)).toBeCloseTo(0.4 / Math.SQRT2, 2);
    if (channels === 2) expect(rms(right) / rms(left)).toBeCloseTo(0.5, 3);
  });

  it.each([
    ['tone-opus.ogg', 48_000],
    ['tone.mp3', 8000],
  ] as const)('reads %s, which may be longer than it was', async (name, rate) => {
    const { sampleRate, channels } = await decodeSound(await bytesOf(name));
    expect(sampleRate).toBe(rate);
    const middle = (channels[0] as Float32Array).subarray(0.2 * rate, 0.4 * rate);
    const crossings = middle.reduce(
      (n, value, i) => (i > 0 && value >= 0 !== (middle[i - 1] as number) >= 0 ? n + 1 : n),
      0,
    );
    expect(crossings).toBeGreaterThan(170);
    expect(crossings).toBeLessThan(182);
    expect(Math.max(...middle)).toBeCloseTo(0.4, 1);
  });

  it.each<[string, () => Promise<Uint8Array>, RegExp]>([
    ['nothing', async () => new Uint8Array(), /an empty file/],
    ['text', async () => Buffer.from('hello, this is no sound'), /no WAV, FLAC, Ogg or MP3/],
    ['a header alone', async () => (await bytesOf('tone.wav')).subarray(0, 44), /no sound in the WAV/],
    ['a WAV without its format', async () => (await bytesOf('tone.wav')).subarray(0, 20), /without a format/],
    [
      'another rate in its header',
      () => changed('tone.wav', [[24, [0x80, 0x3e, 0, 0]]]),
      /16000 samples a second, and 8000 by its bytes/,
    ],
    ['no channels', () => changed('tone.wav', [[22, [0, 0]]]), /0 channels/],
    [
      'thousands of channels in two bytes',
      () => changed('tone.wav', [[22, [255, 255]]]),
      /65535 channels of 16 bits in 2 bytes/,
    ],
    ['ADPCM', () => changed('tone.wav', [[20, [2, 0]]]), /encoding 2, neither PCM nor float/],
    ['a NaN', () => changed('tone-float.wav', [[200, [0, 0, 0xc0, 0x7f]]]), /NaN or infinite/],
    ['the start of a FLAC', async () => (await bytesOf('tone.flac')).subarray(0, 60), /FLAC/],
    ['the start of an Ogg', async () => (await bytesOf('tone.ogg')).subarray(0, 60), /Ogg Vorbis/],
  ])('refuses %s', async (_, make, reason) => {
    await expect(decodeSound(await make())).rejects.toThrow(reason);
  });

  it('takes any flipped byte, or names why not', async () => {
    for (const name of ['tone-24.wav', 'tone.flac', 'tone.ogg', 'tone.mp3', 'tone-opus.ogg']) {
      const whole = await bytesOf(name);
      for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 40)) {
        const sound = await decodeSound(await changed(name, [[at, [(whole[at] as number) ^ 0xff]]])).catch(
          (error: unknown) => error,
        );
        if (sound instanceof Error) expect(sound.message.length).toBeGreaterThan(3);
        else expect(sound).toHaveProperty('sampleRate');
      }
    }
  });
});

describe('decodeWav', () => {
  it('reads what decodeSound reads, and refuses other formats', async () => {
    for (const name of ['tone.wav', 'tone-24.wav', 'tone-float.wav']) {
      const bytes = await bytesOf(name);
      expect([isWav(bytes), decodeWav(bytes)]).toEqual([true, await decodeSound(bytes)]);
      const options = { sampleRate: 8000, channels: 1 };
      expect(soundForModel(decodeWav(bytes), options)).toEqual(await readSound(join(sounds, name), options));
    }
    expect(() => decodeWav(Buffer.from('fLaC'))).toThrow('by its content no WAV');
  });
});

describe('encodeWav', () => {
  it('is read again bit for bit, and cuts what is too loud', async () => {
    const { sampleRate, channels } = await decodeSound(await bytesOf('tone.wav'));
    const again = encodeWav({ sampleRate, channels });
    expect(Buffer.from(again).equals(await bytesOf('tone.wav'))).toBe(true);
    const loud = await decodeSound(
      encodeWav({ sampleRate: 8000, channels: [Float32Array.of(2, -3, Number.NaN), new Float32Array(3)] }),
    );
    expect(loud.channels.map((channel) => [...channel])).toEqual([
      [1, -1, 0],
      [0, 0, 0],
    ]);
  });
});

describe('nameSounds', () => {
  it('says which recordings and tars of a folder are left out', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vqkit-sounds-'));
    for (const name of ['a.wav', 'b.tar.gz', 'c.tgz', 'd.m4a', 'notes.gz']) await writeFile(join(folder, name), 'x');
    const others: unknown[] = [];
    const names: unknown[] = [];
    for await (const some of nameSounds('test', [folder], (own) => others.push(own))) names.push(...some);
    expect(names).toEqual(['a.wav']);
    const reason =
      '3 sounds are no WAV, FLAC, Ogg, MP3 or plain tar (1 .gz, 1 .m4a, 1 .tgz); convert them to have them read';
    expect(others).toEqual([{ file: folder, reason, count: 3 }]);
  });
});

describe('readSounds', () => {
  it('mixes and resamples, its loudness kept', async () => {
    const mono = await readSound(join(sounds, 'tone.flac'), { sampleRate: 16_000, channels: 1 });
    expect(mono.length).toBe(8000);
    expect(siSdr(mono.subarray(400, 7600), tone(8000, 16_000).subarray(400, 7600))).toBeGreaterThan(55);
    expect(Math.max(...mono.subarray(400, 7600))).toBeCloseTo(0.3, 2);
    const stereo = await readSound(join(sounds, 'tone.wav'), { sampleRate: 8000, channels: 2 });
    expect([stereo.length, stereo[11], stereo[10]]).toEqual([8000, stereo[10], stereo[11]]);
  });

  it('names what it skips and counts, what is clipped and what is silent', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vqkit-sounds-'));
    await mkdir(join(folder, 'inner'));
    await copyFile(join(sounds, 'tone.flac'), join(folder, 'inner', 'a.wav'));
    await writeFile(join(folder, 'b.wav'), encodeWav({ sampleRate: 8000, channels: [new Float32Array(100)] }));
    await writeFile(join(folder, 'c.wav'), encodeWav({ sampleRate: 8000, channels: [tone(100, 8000, 3)] }));
    await writeFile(join(folder, 'd.mp3'), '');
    await writeFile(join(folder, 'e.wav'), 'RIFF');
    await writeFile(join(folder, 'f.m4a'), 'x');
    await writeFile(join(folder, 'notes.txt'), 'x');
    const { clips, skipped, clipped, silent } = await readSounds(folder, { sampleRate: 8000, channels: 1 });
    expect(clips.map(({ name }) => name)).toEqual(['b.wav', 'c.wav', 'inner/a.wav']);
    expect([clipped, silent]).toEqual([['c.wav'], ['b.wav']]);
    expect(skipped.map(({ reason }) => reason)).toEqual([
      'an empty file',
      'by its content no WAV, FLAC, Ogg or MP3',
      '1 sound is no WAV, FLAC, Ogg or MP3 (1 .m4a); convert it to have it read',
    ]);
    await expect(readSounds(join(folder, 'f.m4a'), { sampleRate: 8000, channels: 1 })).rejects.toThrow(
      /must hold at least one readable WAV/,
    );
    await expect(readSounds(join(folder, 'none'), { sampleRate: 8000, channels: 1 })).rejects.toThrow(
      /be a folder.*put sounds in/,
    );
  });
});

describe('createSoundSet', () => {
  const set = createSoundSet([Float32Array.from({ length: 50 }, (_, i) => i), Float32Array.of(50, 51)], {
    samples: 10,
    channels: 1,
    seed: 3,
  });

  it('has recordings end to end in segments', () => {
    expect([set.count, set.shape]).toEqual([5, [10, 1]]);
    expect([...set.batch([4, 0])]).toEqual([
      ...Array.from({ length: 10 }, (_, i) => 40 + i),
      ...Array.from({ length: 10 }, (_, i) => i),
    ]);
  });

  it('begins anywhere in a training, a function of the seed and the batch alone', () => {
    const first = Array.from({ length: 40 }, (_, draw) => set.batch([2], draw)[0]);
    expect(Array.from({ length: 40 }, (_, draw) => set.batch([2], draw)[0])).toEqual(first);
    expect(new Set(first).size).toBeGreaterThan(7);
    expect(first.every((start) => start !== undefined && start >= 15 && start <= 25)).toBe(true);
    const last = Array.from({ length: 40 }, (_, draw) => set.batch([4], draw));
    expect(last.every((segment) => segment[9] === (segment[0] as number) + 9 && (segment[9] as number) <= 51)).toBe(
      true,
    );
  });
});
