import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fullRun, startEngine, titleIf } from '@vqkit/testing';
import { createAudioTokenizer, saveTokenizer } from '@vqkit/tokenizer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, vqkitHere, vqkitProcess } from './cli.ts';

let root: string;
const SOUNDS = new URL('../../data/test/sounds/', import.meta.url).pathname;
const here = (line: string): Promise<Ended> => vqkitHere(line.split(' '), root);
const FAST = '--engine cpu';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'vqkit-sound-shards-'));
  await startEngine('cpu');
  const quantizer = { quantizer: 'residual-fsq', quantizerOptions: { levels: [5, 3], numQuantizers: 2 } } as const;
  const made = createAudioTokenizer({ ...quantizer, filters: 2, strides: [4, 8], dilations: [1], sampleRate: 1000 });
  await writeFile(join(root, 'speech.safetensors'), await saveTokenizer(made));
  made.dispose();
  await mkdir(join(root, 'sounds'));
  for (const name of ['tone.wav', 'tone.flac', 'tone.ogg', 'tone.mp3']) {
    await copyFile(join(SOUNDS, name), join(root, 'sounds', name));
  }
  await writeFile(join(root, 'sounds', 'broken.wav'), 'RIFF');
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe.skipIf(!fullRun)(titleIf(fullRun, 'vqkit encode --shards of sounds'), () => {
  it('is checked, merged, described and decoded', async () => {
    const encoded = await here(`encode speech.safetensors sounds ${FAST} --shards 2 --format parquet --out ids`);
    expect([encoded.code, encoded.stderr]).toEqual([0, expect.stringContaining('Skipped broken.wav: ')]);
    const text =
      /^4 examples, 1 skipped in 2 of 2 shards \(\.parquet, .* kB\): (\d+) tokens of (\d+\.\d) s \(ids frames × 2 each\) of 7\.81 bits\ncodebook 0: /;
    expect(encoded.stdout).toMatch(text);
    expect(encoded.stdout).toMatch(/2 encoded, 0 there already\nids\n$/);
    const merged = await here('merge ids --out all.safetensors');
    expect([merged.code, merged.stdout]).toEqual([0, expect.stringMatching(text)]);
    const statistics = JSON.parse(await readFile(join(root, 'ids', 'statistics.json'), 'utf8'));
    expect(statistics).toMatchObject({ examples: 4, seconds: expect.any(Number) as number });
    expect((await here('tokens ids')).stdout).toMatch(/5 examples of .*sounds, by path.*\n4 examples, 1 skipped/);
    expect((await here('tokens ids/train-00001-of-00002.parquet')).stdout).toMatch(
      /3 examples, 0 skipped, ids frames × 2/,
    );
    expect(await here(`encode speech.safetensors sounds ${FAST} --out all-at-once.safetensors`)).toMatchObject({
      code: 0,
    });
    const [one, other] = ['all', 'all-at-once'].map((name) => readFile(join(root, `${name}.safetensors`)));
    expect(await one).toEqual(await other);
    expect((await here('tokens all.safetensors')).stdout).toMatch(
      /^ids of shape \d+ × 2, 2 codebooks of 15 codes, 4 recordings end to end, tokenizer [0-9a-f]{12}…\ncodebook 0: .*\ncodebook 1: /,
    );

    const decoded = await here(`decode speech.safetensors ids ${FAST} --from 1 --limit 2 --out heard`);
    expect([decoded.code, decoded.stdout]).toEqual([0, '2 sounds\nheard\n']);
    expect((await readdir(join(root, 'heard'))).sort()).toEqual(['tone.flac.wav', 'tone.mp3.wav']);
    const wrong = await here('merge ids --out all.npy');
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/--out must end in .* whose lengths \.npy/)]);
  });

  it('with workers gives the bytes of one process', async () => {
    for (const workers of ['', ' --workers 2']) {
      const line = `encode speech.safetensors sounds ${FAST} --shards 3 --out by${workers.length}${workers}`;
      expect(await vqkitProcess(line.split(' '), { cwd: root })).toMatchObject({ code: 0 });
    }
    for (const name of (await readdir(join(root, 'by0'))).filter((file) => /^ids/.test(file))) {
      expect(await readFile(join(root, 'by12', name))).toEqual(await readFile(join(root, 'by0', name)));
    }
  });
});
