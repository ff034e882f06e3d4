import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decodeSound, encodeWav } from '@vqkit/data/node';
import { fullRun, titleIf } from '@vqkit/testing';
import { temporaryFolder } from '@vqkit/testing/pictures';
import { createAudioTokenizer, saveTokenizer } from '@vqkit/tokenizer';
import {
  folderStore,
  openShards,
  planShards,
  readManifest,
  readSoundTokens,
  surveyShards,
  writeManifest,
  writeMerged,
  writeSoundTokens,
} from '@vqkit/tokens';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../src/engine.ts';
import { encodeShards, type ShardsHooks } from '../src/shards/encode-shards.ts';
import type { ShardOptions } from '../src/shards/options.ts';
import { decodeSounds } from '../src/tokens/decode-sounds.ts';
import { encodeSounds } from '../src/tokens/encode-sounds.ts';

const folder = await temporaryFolder();
const at = (...names: string[]): string => join(folder, ...names);
const engine = 'cpu';
const TONES = new URL('../../../packages/data/test/sounds/', import.meta.url).pathname;
/** Of one sample, shorter than a token, of a whole one, of many; and of none, which are skipped. */
const LENGTHS = [1, 3, 8, 9, 100, 250];
const SKIPPED = ['broken.flac', 'empty.wav', 'none.wav'];

const small = { quantizer: 'residual-fsq', filters: 2, strides: [2, 4], dilations: [1], sampleRate: 1000 } as const;
const residual = { levels: [5, 3], numQuantizers: 2 };

beforeAll(async () => {
  await startEngine({ engine });
  for (const [name, channels] of [
    ['mono', 1],
    ['stereo', 2],
  ] as const) {
    const made = createAudioTokenizer({ ...small, quantizerOptions: residual, channels });
    await writeFile(at(`${name}.safetensors`), await saveTokenizer(made));
    made.dispose();
  }
  await mkdir(at('sounds', 'inner'), { recursive: true });
  for (const [i, length] of LENGTHS.entries()) {
    const left = Float32Array.from({ length }, (_, n) => Math.sin((n + 1) / (i + 2)) / 2);
    const channels = i % 2 === 0 ? [left] : [left, left.map((x) => x / 3)];
    await writeFile(at('sounds', i % 3 === 0 ? 'inner' : '', `s${i}.wav`), encodeWav({ sampleRate: 1000, channels }));
  }
  await writeFile(at('sounds', 'empty.wav'), encodeWav({ sampleRate: 1000, channels: [new Float32Array(0)] }));
  await writeFile(at('sounds', 'none.wav'), '');
  await writeFile(at('sounds', 'broken.flac'), 'fLaC and no more');
  await writeFile(at('sounds', 'other.m4a'), 'of a format that is not read');
});

const encode = (options: ShardOptions, hooks: ShardsHooks = {}, tokenizer = 'mono'): ReturnType<typeof encodeShards> =>
  encodeShards(at(`${tokenizer}.safetensors`), { paths: [at('sounds')], engine, ...options }, hooks, {});

async function bytesOf(path: string): Promise<Record<string, string>> {
  const names = (await readdir(path)).sort();
  const all = names.map(async (name) => [name, (await readFile(join(path, name))).toString('base64')] as const);
  return Object.fromEntries(await Promise.all(all));
}

describe('encodeShards of sounds', () => {
  it.each(fullRun ? ['mono', 'stereo'] : ['stereo'])(
    'gives, in any number of shards, the ids of one process: %s',
    async (tokenizer) => {
      const whole = at(`${tokenizer}-whole.safetensors`);
      const one = await encodeSounds(at(`${tokenizer}.safetensors`), { paths: [at('sounds')], out: whole, engine });
      expect(one).toMatchObject({ images: LENGTHS.length });
      for (const shards of fullRun ? [1, 4, 9] : [4]) {
        const warnings: string[] = [];
        const out = at(`${tokenizer}-${shards}`);
        const result = await encode({ out, shards }, { onWarning: (message) => warnings.push(message) }, tokenizer);
        expect(result).toMatchObject({ status: 'finished', encoded: shards });
        await writeMerged(at('merged.safetensors'), folderStore(out));
        expect(await readFile(at('merged.safetensors'))).toEqual(await readFile(whole));
        const { skipped, samples } = await surveyShards(folderStore(out));
        expect(skipped.map(({ name }) => name)).toEqual(SKIPPED);
        expect(samples).toBe(LENGTHS.reduce((sum, length) => sum + length));
        expect(warnings).toEqual(expect.arrayContaining([expect.stringMatching(/1 sound is no WAV.*\.m4a/)]));
      }
    },
  );

  it.skipIf(!fullRun)(
    titleIf(fullRun, 'goes on after an interruption, to the same bytes, and does damaged ones anew'),
    async () => {
      await encode({ out: at('straight'), shards: 4, format: 'tar' });
      const expected = await bytesOf(at('straight'));
      const out = at('stopped');
      const stop = new AbortController();
      const onExamples = (): void => stop.abort();
      const first = await encode({ out, shards: 4, format: 'tar' }, { signal: stop.signal, onExamples });
      expect(first).toEqual({ status: 'interrupted' });
      expect(await encode({ out })).toMatchObject({ status: 'finished' });
      expect(await bytesOf(out)).toEqual(expected);
      await truncate(join(out, 'ids-00001-of-00004.tar'), 700);
      await rm(join(out, 'names.jsonl'));
      expect(await encode({ out })).toMatchObject({ encoded: 1, there: 3 });
      expect(await bytesOf(out)).toEqual(expected);
      expect(await encode({ out })).toMatchObject({ encoded: 0, there: 4 });
    },
  );

  it('decodes them, all, a range and one shard, to the sounds of one file', async () => {
    const out = at('decoding');
    await encode({ out, shards: 3, format: 'parquet' });
    await writeMerged(at('decoding.safetensors'), folderStore(out));
    const decode = async (file: string, to: string, range = {}): Promise<string[]> => {
      await decodeSounds(at('mono.safetensors'), at(file), { out: at(to), engine, ...range });
      const names = (await readdir(at(to), { recursive: true })).filter((name) => name.endsWith('.wav')).sort();
      for (const name of names) {
        const bytes = await readFile(at(to, name));
        if (to !== 'from-file') expect(bytes).toEqual(await readFile(at('from-file', name)));
        const { channels } = await decodeSound(bytes);
        expect(channels.map(({ length }) => length)).toEqual([LENGTHS[Number(/\d/.exec(name)?.[0])]]);
      }
      return names;
    };
    expect(await decode('decoding.safetensors', 'from-file')).toHaveLength(LENGTHS.length);
    expect(await decode('decoding', 'from-shards')).toHaveLength(LENGTHS.length);
    // Those at 0 and 1 have no sound.
    expect(await decode('decoding', 'from-range', { from: 1, limit: 3 })).toEqual(['inner/s0.wav', 'inner/s3.wav']);
    expect(await decode('decoding/train-00002-of-00003.parquet', 'from-one', { limit: 2 })).toEqual([
      's2.wav',
      's4.wav',
    ]);
    await expect(decode('decoding', 'from-nowhere', { from: 99 })).rejects.toThrow(/from must be below the 9 examples/);
    await expect(decodeSounds(at('stereo.safetensors'), out, { out: at('other-tokenizer'), engine })).rejects.toThrow(
      /decoding must hold tokens of this tokenizer/,
    );
  });

  it.skipIf(!fullRun).each([
    ['hop', 2 ** 40, /must be of the tokenizer's hop, 8, got 1099511627776/],
    ['sampleRate', 48_000, /must be of the tokenizer's sampleRate, 1000, got 48000/],
    ['codebookSize', 99, /must be of the tokenizer's codebookSize, 15, got 99/],
  ] as const)(titleIf(fullRun, 'refuses tokens with another %s than their tokenizer'), async (name, value, message) => {
    const out = at(`edited-${name}`);
    await encode({ out, shards: 2 });
    const { ids, notes } = await readSoundTokens(join(out, 'ids-00001-of-00002.safetensors'));
    const sounds = notes.sounds.map((sound) => ({
      ...sound,
      samples: name === 'hop' ? sound.frames * value : sound.samples,
    }));
    const file = at('edited.safetensors');
    await writeSoundTokens(file, { ids, notes: { ...notes, sounds, [name]: value } });
    await expect(decodeSounds(at('mono.safetensors'), file, { out: at('edited'), engine })).rejects.toThrow(message);

    const store = folderStore(out);
    const { sha256: _, shards, sound, ...plan } = await readManifest('test', store);
    const edited = { ...plan, sound: { sampleRate: 1000, hop: 8, ...sound }, [name]: value };
    const whole = name === 'codebookSize' ? edited : { ...edited, sound: { ...edited.sound, [name]: value } };
    const names = shards.flatMap(({ names }) => names ?? []);
    const { [name as 'codebookSize']: own, ...others } = whole;
    await writeManifest(store, planShards({ ...others, codebookSize: name === 'codebookSize' ? own : 15 }, 2, names));
    for (const shard of ['ids-00000-of-00002.json', 'ids-00001-of-00002.json']) await rm(join(out, shard));
    await expect(encode({ out, shard: 0 })).rejects.toThrow(message);
  });

  it('refuses options of other data, and nothing to encode', async () => {
    const out = at('options');
    for (const [options, message] of [
      [{ imageSize: 8 }, /imageSize must not be given with sounds/],
      [{ data: 'folder' }, /data must not be given with sounds/],
      [{ batchSize: 4 }, /batchSize must be 1 for sounds/],
      [{ paths: undefined }, /paths must be recordings, or folders or tars of them, got none/],
      [{ paths: [at('nowhere')] }, /nowhere must be a folder/],
      [{ shards: 99 }, /at most one per example \(9\), got 99/],
      [{ format: 'tar', pack: true }, /pack must go with format safetensors or npy/],
    ] as const) {
      await expect(encode({ out, shards: 2, ...options })).rejects.toThrow(message);
    }
    await mkdir(at('silence'), { recursive: true });
    await expect(encode({ out, shards: 1, paths: [at('silence')] })).rejects.toThrow(/hold at least one WAV.*got none/);
  });

  it.skipIf(!fullRun)(
    titleIf(fullRun, 'stops at a recording that is gone, and a source that has changed'),
    async () => {
      await mkdir(at('changing'), { recursive: true });
      for (const name of ['tone.wav', 'tone-24.wav']) await copyFile(join(TONES, name), at('changing', name));
      const out = at('changed');
      await encode({ out, shards: 2, paths: [at('changing')], plan: true });
      await rename(at('changing', 'tone.wav'), at('changing', 'renamed.wav'));
      const options = { out, paths: [at('changing')] };
      await expect(encode(options)).rejects.toThrow(/shards of another source/);
      await expect(encode({ ...options, shard: 1 })).rejects.toThrow(/tone\.wav must be readable, got ENOENT.*shard 1/);
      await rename(at('changing', 'renamed.wav'), at('changing', 'tone.wav'));
      expect(await encode(options)).toMatchObject({ encoded: 2 });
    },
  );
});

describe('encodeShards of tars of sounds', () => {
  const tar = (...args: string[]): Promise<unknown> => promisify(execFile)('tar', args, { cwd: folder });

  it.skipIf(!fullRun)(
    titleIf(fullRun, 'gives the ids of the same recordings in a folder, by names in the tars'),
    async () => {
      await mkdir(at('both', 'plain'), { recursive: true });
      await copyFile(at('sounds', 's1.wav'), at('both', 'plain', 's1.wav'));
      await writeFile(at('sounds', 's1.txt'), 'what is said');
      await writeFile(at('sounds', '._s1.wav'), 'of macOS');
      await tar(
        'cf',
        'both/a.tar',
        '--format=gnu',
        '-C',
        'sounds',
        './s1.wav',
        './s1.txt',
        './._s1.wav',
        './none.wav',
        './s2.wav',
      );
      await tar(
        'cf',
        'both/b.tar',
        '--format=pax',
        '-P',
        'sounds/inner/s0.wav',
        'sounds/inner/s3.wav',
        at('sounds', 's4.wav'),
      );
      await rm(at('sounds', 's1.txt'));
      const out = at('from-tars');
      const options = { out, paths: [at('both')], shards: 4 };
      expect(await encode(options)).toMatchObject({ encoded: 4 });
      const found = new Map<string, string>();
      for await (const { ids, offsets, keys } of (await openShards(folderStore(out))).blocks()) {
        for (const [n, key] of [...keys].entries()) {
          found.set(String(key), ids.subarray((offsets?.[n] ?? 0) * 2, (offsets?.[n + 1] ?? 0) * 2).join());
        }
      }
      const inTar = `b.tar${at('sounds', 's4.wav')}`;
      expect([...found.keys()]).toEqual([
        'a.tar/s1.wav',
        'a.tar/s2.wav',
        'b.tar/sounds/inner/s0.wav',
        'b.tar/sounds/inner/s3.wav',
        inTar,
        'plain/s1.wav',
      ]);
      expect(found.get('a.tar/s1.wav')).toBe(found.get('plain/s1.wav'));
      await encode({ out: at('from-folder'), shards: 1 });
      const { ids } = await (await openShards(folderStore(at('from-folder')))).read(0);
      expect(ids.join()).toContain(found.get(inTar));
      expect((await surveyShards(folderStore(out))).skipped.map(({ name }) => name)).toEqual(['a.tar/none.wav']);

      await decodeSounds(at('mono.safetensors'), out, { out: at('tars-decoded'), engine });
      expect(await readdir(at('tars-decoded', 'a.tar'))).toEqual(['s1.wav', 's2.wav']);

      // Another tar of that name.
      await encode({ ...options, out: at('planned'), plan: true });
      await tar('cf', 'both/a.tar', '-C', 'sounds', './s2.wav', './s1.wav');
      await expect(encode({ ...options, out: at('planned'), shard: 0 })).rejects.toThrow(
        /a\.tar must hold "\.\/s1\.wav", \d+ bytes at byte 512, got another tar/,
      );
      await expect(encode({ ...options, out: at('planned') })).rejects.toThrow(/shards of another/);
      await rm(at('both', 'a.tar'));
      await expect(encode({ ...options, out: at('planned'), shard: 0 })).rejects.toThrow(
        /a\.tar must be a file that can/,
      );
      await writeFile(at('both', 'a.tar'), 'x'.repeat(600));
      await expect(encode({ ...options, out: at('no-tar') })).rejects.toThrow(/a\.tar must be a tar/);
      await rm(at('both', 'a.tar'));
      await promisify(execFile)('mkfifo', [at('both', 'a.tar')]);
      await expect(encode({ ...options, out: at('no-tar') })).rejects.toThrow(
        /a\.tar must be a tar, got no regular file/,
      );
    },
  );

  it('lets no name of a tar lead out of it', async () => {
    await mkdir(at('hostile', 'down'), { recursive: true });
    await copyFile(at('sounds', 's2.wav'), at('hostile', 's2.wav'));
    await promisify(execFile)('tar', ['cPf', '../x.tar', '../s2.wav'], { cwd: at('hostile', 'down') });
    const out = at('hostile-ids');
    await encode({ out, shards: 1, paths: [at('hostile', 'x.tar')] });
    await decodeSounds(at('mono.safetensors'), out, { out: at('hostile-out'), engine });
    expect((await readdir(at('hostile-out'), { recursive: true })).sort()).toEqual(['x.tar', 'x.tar/s2.wav']);
  });
});
