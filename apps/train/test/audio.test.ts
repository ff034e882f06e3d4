import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRng } from '@vqkit/core-tensor';
import { decodeSound, encodeWav } from '@vqkit/data/node';
import { isAudioConfig, loadTokenizer } from '@vqkit/tokenizer';
import { beforeAll, describe, expect, it } from 'vitest';
import { createConfig } from '../src/config.ts';
import { audioShown } from '../src/modalities/audio/shown.ts';
import { readTokenizer } from '../src/tokenizer.ts';
import { decodeSounds } from '../src/tokens/decode-sounds.ts';
import { encodeSounds } from '../src/tokens/encode-sounds.ts';
import { resumeTraining, train } from '../src/train.ts';
import type { AudioConfig, TrainOptions } from '../src/train-options.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqkit-audio-'));
  for (let clip = 0; clip < 12; clip++) {
    const rng = createRng(clip);
    const loud = clip === 3 ? 0 : 0.5;
    const left = Float32Array.from(
      { length: 700 + 40 * clip },
      (_, i) => loud * Math.sin(i / (2 + clip)) + loud * 0.2 * (rng.uniform() - 0.5),
    );
    await writeFile(
      join(folder, `${clip}.wav`),
      encodeWav({ sampleRate: 1000, channels: [left, left.map((x) => x / 2)] }),
    );
  }
  await writeFile(join(folder, 'broken.flac'), 'fLaC');
});

function config(name: string, options: TrainOptions = {}): AudioConfig {
  const small = {
    filters: 2,
    strides: [2, 5],
    dilations: [1, 3],
    seconds: 0.1,
    batchSize: 4,
    sampleRate: 1000,
    latentWidth: 4,
  };
  const often = { logEvery: 1, validateEvery: 2, checkpointEvery: 2, engine: 'cpu' as const, seed: 5, steps: 4 };
  const shared = {
    preset: 'speech' as const,
    quantizer: 'simvq' as const,
    dataPath: folder,
    outDir: join(folder, name),
    quantizerOptions: { codebookSize: 16 },
  };
  return createConfig({ ...shared, ...small, ...often, ...options }) as unknown as AudioConfig;
}

const json = async (name: string, file: string) => JSON.parse(await readFile(join(folder, name, file), 'utf8'));
const weights = async (name: string): Promise<Buffer> => Buffer.from(await readTokenizer(join(folder, name)));

describe('a run on sound', () => {
  it.each([
    ['residual-fsq', { levels: [8, 5, 5, 5], numQuantizers: 4 }],
    ['simvq', { codebookSize: 8192, commitmentWeight: 1000 }],
    ['lfq', {}],
  ] as const)('takes the preset with %s', (quantizer, quantizerOptions) => {
    const config = createConfig({ preset: 'speech', quantizer, dataPath: folder });
    expect(config).toMatchObject({ data: 'audio', arch: 'seanet', quantizer });
    expect(config.quantizerOptions).toEqual(quantizerOptions);
  });

  it('is residual FSQ, and takes no preset of other data', () => {
    expect(createConfig({ preset: 'speech', dataPath: folder }).quantizer).toBe('residual-fsq');
    expect(createConfig({ dataPath: folder }).data).toBe('audio');
    expect(() => createConfig({ preset: 'speech', data: 'mnist' })).toThrow(
      /preset must not be given with data 'mnist'/,
    );
    expect(() => createConfig({ preset: 'recipe', data: 'audio', dataPath: folder })).toThrow(
      /preset must not be given with data 'audio'/,
    );
    expect(() => createConfig({ data: 'audio' })).toThrow(/dataPath must be given/);
  });

  it('trains, is stopped and resumed bit for bit, and shows what is heard', async () => {
    const warnings: string[] = [];
    const whole = await train(config('whole'), { onWarning: (message) => warnings.push(message) });
    expect(whole.status).toBe('finished');
    expect(warnings).toEqual([
      expect.stringMatching(/1 of 12 recordings, the first 3\.wav, are silent/),
      expect.stringMatching(/Skipped .*broken\.flac: .*FLAC/),
    ]);
    const stop = new AbortController();
    const half = await train(config('half'), {
      onEvent: (event) => {
        if (event.kind === 'step' && event.step === 2) stop.abort();
      },
      signal: stop.signal,
    });
    expect(half).toMatchObject({ status: 'interrupted', step: 2 });
    await resumeTraining(join(folder, 'half'));
    expect((await weights('half')).equals(await weights('whole'))).toBe(true);

    const { test } = await json('whole', 'summary.json');
    expect(Object.keys(test.quality)).toEqual([
      'l1',
      'mse',
      'siSdrDb',
      'melDistance',
      'stftDistance',
      'silentSegments',
    ]);
    const { audio } = await json('whole', 'report-data.json');
    expect(audio.sound.tokens + audio.silence.tokens).toBe(test.codes.tokens);
    const page = await readFile(join(folder, 'whole', 'report.html'), 'utf8');
    expect(page).toContain('media-src data:');
    expect(page.match(/<audio controls/g)).toHaveLength(2 * audio.clips.length);
    expect(page).not.toMatch(/(src|href)="(?!data:)/);

    const tokenizer = loadTokenizer(await weights('whole'));
    expect(isAudioConfig(tokenizer.config) && tokenizer.config).toMatchObject({
      sampleRate: 1000,
      channels: 1,
      strides: [2, 5],
    });
    tokenizer.dispose();

    const [run, ids] = ['whole', 'ids.safetensors'].map((name) => join(folder, name)) as [string, string];
    const out = `${folder}-decoded`;
    const options = { paths: [folder], out: ids, engine: 'cpu' as const };
    const encoded = await encodeSounds(run, options, { onWarning: (message) => warnings.push(message) });
    expect(encoded).toMatchObject({ status: 'finished', images: 12, skipped: 1, bitsPerSecond: 400 });
    expect(await decodeSounds(run, ids, { out, engine: 'cpu' })).toMatchObject({ status: 'finished', images: 12 });
    const { sampleRate, channels } = await decodeSound(await readFile(join(out, '7.wav')));
    expect([sampleRate, channels.map(({ length }) => length)]).toEqual([1000, [980]]);
    await expect(decodeSounds(join(folder, 'stereo'), ids, { out: `${out}-2` })).rejects.toThrow();
    await expect(decodeSounds(run, ids, { out })).rejects.toThrow(/out must be a new or an empty folder/);
    await expect(encodeSounds(run, { paths: [], out: ids })).rejects.toThrow(/paths must be recordings/);
  });

  it('trains stereo, causal, with the snake and another quantizer', async () => {
    const options = {
      quantizer: 'residual-fsq' as const,
      quantizerOptions: {},
      stereo: true,
      causal: true,
      snake: true,
      steps: 1,
    };
    const { preset: _, ...own } = config('stereo', { ...options, latentWidth: undefined });
    const result = await train({ ...own, quantizerOptions: {} });
    expect(result.status).toBe('finished');
    const { summary } = await json('stereo', 'report-data.json');
    expect(summary.test.codes.numCodebooks).toBe(4);
  });

  it('shows the first tokens of segments that are too long to be kept', () => {
    const numbers = (length: number): number[] => Array.from({ length }, (_, i) => i);
    const pairs = { count: 2, shape: [40, 2], originals: numbers(160), reconstructions: numbers(160) };
    const event = { kind: 'examples', of: 'validation', step: 0, pairs, ids: numbers(2 * 4 * 3) } as const;
    // Two tokens of 10 stereo samples, of three ids each.
    const first = [...numbers(40), ...numbers(40).map((i) => 80 + i)];
    expect(audioShown.excerpt?.(event, config('cut'), 45)).toEqual({
      ...event,
      pairs: { count: 2, shape: [20, 2], originals: first, reconstructions: first },
      ids: [...numbers(6), ...numbers(6).map((i) => 12 + i)],
    });
    expect(audioShown.excerpt?.(event, config('whole'), 80)).toEqual(event);
  });

  it('refuses recordings that leave nothing to train on, and segments longer than all', async () => {
    await expect(train(config('few', { validationSize: 11 }))).rejects.toThrow(
      /validationSize must leave recordings to train on/,
    );
    await expect(train(config('long', { seconds: 60 }))).rejects.toThrow(
      /seconds must be such that there is a segment of 60000 samples/,
    );
    await expect(train(config('short', { seconds: 0.001 }))).rejects.toThrow(
      /seconds must give segments of 16 samples or more, got 10 samples by 0.001\. Use 0.016 or more/,
    );
  });
});
