import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fullRun } from '@vqkit/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, vqkit, vqkitHere, vqkitProcess, writeTinyData } from './cli.ts';

let root: string;
const call = (line: string, env?: NodeJS.ProcessEnv): Promise<Ended> => vqkit(line.split(' '), { cwd: root, env });
const here = (line: string): Promise<Ended> => vqkitHere(line.split(' '), root);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'vqkit-shards-'));
  await writeTinyData(join(root, 'data'));
  const options = '--validation-size 8 --batch-size 8 --widths 4,8 --steps 3 --quantizer fsq --levels 5,4';
  expect(await call(`train --data idx --data-path data ${options} --out-dir run`)).toMatchObject({ code: 0 });
  await call('export run --out digits.safetensors');
  expect(await call(`encode digits.safetensors data ${FAST} --shards 6 --out one`)).toMatchObject({ code: 0 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

const FAST = '--engine wasm --threads 1 --batch-size 4';

async function shardsIn(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(join(root, folder))).filter((name) => /^(ids|train)-\d/.test(name)).sort();
  const all = names.map(async (name) => [name, (await readFile(join(root, folder, name))).toString('base64')] as const);
  return Object.fromEntries(await Promise.all(all));
}

describe('vqkit encode --shards', () => {
  it('with workers gives the bytes of one process', async () => {
    const line = `encode digits.safetensors data ${FAST} --shards 6 --out many --workers 2`;
    const { code, stdout, stderr } = await vqkitProcess(line.split(' '), { cwd: root });
    expect([code, stderr]).toEqual([0, expect.stringContaining('48 examples in 6 shards, engine 2 × wasm, 1 thread')]);
    expect(stdout).toMatch(
      /^48 examples in 6 of 6 shards .*\n.* of 20 codes used by 192 ids .*\n6 encoded, 0 there already\nmany\n$/,
    );
    expect(await shardsIn('many')).toEqual(await shardsIn('one'));
  });

  it('goes on after SIGKILL and Ctrl-C at any moment, and workers end with it', async () => {
    const rounds = [
      ['SIGKILL', ' --workers 2'],
      ['SIGINT', ''],
      ['SIGKILL', ''],
    ] as const;
    for (const [signal, workers] of fullRun ? rounds : rounds.slice(0, 1)) {
      let sent = false;
      const { code, stderr } = await vqkit(
        `encode digits.safetensors data ${FAST} --shards 6 --out killed${workers}`.split(' '),
        {
          cwd: root,
          onStderr(text, kill) {
            if (sent || !/engine/.test(text)) return;
            sent = true;
            kill(signal);
          },
        },
      );
      if (signal === 'SIGINT' && code !== 0) expect([code, stderr]).toEqual([130, expect.stringContaining('Stopped.')]);
    }
    expect(await call(`encode digits.safetensors data ${FAST} --out killed`)).toMatchObject({ code: 0 });
    expect(await shardsIn('killed')).toEqual(await shardsIn('one'));
  });

  it('does the shard of a scheduler', async () => {
    const line = `encode digits.safetensors data ${FAST} --shards 6 --out scheduled`;
    expect(await call(line, { JOB_COMPLETION_INDEX: '2' })).toMatchObject({ code: 0 });
    expect(Object.keys(await shardsIn('scheduled'))).toEqual([
      'ids-00002-of-00006.json',
      'ids-00002-of-00006.safetensors',
    ]);
    const wrong = await call(line, { SLURM_ARRAY_TASK_ID: '6' });
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringMatching(/shard \(SLURM_ARRAY_TASK_ID\) must be an integer/),
    ]);
  });
});

describe('vqkit merge and tokens', () => {
  it('print of a corpus what they print of one file, and merge writes it', async () => {
    await call(`encode digits.safetensors data ${FAST} --out whole.safetensors`);
    const merged = await here('merge one --out merged.safetensors');
    expect(merged.code).toBe(0);
    expect(await readFile(join(root, 'merged.safetensors'))).toEqual(await readFile(join(root, 'whole.safetensors')));
    const used = /^\d+ of 20 codes used by 192 ids .*$/m;
    const [line] = used.exec(merged.stdout) ?? [];
    expect(line).toBeDefined();
    for (const path of ['one', 'whole.safetensors']) expect((await here(`tokens ${path}`)).stdout).toContain(line);
    const statistics = JSON.parse(await readFile(join(root, 'one/statistics.json'), 'utf8')) as object;
    expect(statistics).toMatchObject({ examples: 48, codebooks: [{ tokens: 192, codebookSize: 20 }] });
    expect((await here('tokens one/ids-00003-of-00006.safetensors')).stdout).toMatch(
      /^shard 3 of 6: .*, whole, .*examples 24 to 32/,
    );
  });

  it('know a picture’s codebooks in a merged parquet file, and what is not there by its path', async () => {
    expect((await here('merge one --out merged.parquet')).code).toBe(0);
    const [whole, merged] = [await here('tokens whole.safetensors'), await here('tokens merged.parquet')];
    const use = (text: string): readonly string[] => text.split('\n').slice(1);
    expect(merged.stdout).toMatch(/^ids of shape 48 × 2 × 2, 1 codebook of \d+ codes \(the number of codes is not in/);
    expect(use(merged.stdout)[0]).toMatch(/ codes used by 192 ids /);
    expect(use(merged.stdout).length).toBe(use(whole.stdout).length);
    for (const [path, message] of [
      ['NOWHERE', /readTokens: NOWHERE must be a readable file, got ENOENT \(no such file or folder\)/],
      ['nowhere.parquet', /nowhere\.parquet must be a readable file, got ENOENT/],
      ['data', /data must be a file of tokens or a folder of shards, got a folder without manifest\.json/],
    ] as const) {
      const { code, stderr } = await here(`tokens ${path}`);
      expect([code === 0, stderr]).toEqual([false, expect.stringMatching(message)]);
    }
  });

  it('never write over a shard or the tokenizer that they read', async () => {
    const before = await shardsIn('one');
    for (const name of ['ids-00000-of-00006.safetensors', 'tokenizer.safetensors']) {
      const merged = await here(`merge one --out one/${name}`);
      expect([merged.code, merged.stderr]).toEqual([2, expect.stringMatching(/must not be what it is made of/)]);
    }
    expect(await shardsIn('one')).toEqual(before);
    expect(await readFile(join(root, 'one/tokenizer.safetensors'))).toEqual(
      await readFile(join(root, 'digits.safetensors')),
    );
  });

  it('name what is missing', async () => {
    await call(`encode digits.safetensors data ${FAST} --shards 6 --out part --shard 1`);
    const merged = await here('merge part');
    expect([merged.code, merged.stderr.split('\n').at(-2)]).toEqual([
      1,
      expect.stringMatching(
        /^error: merge: part must have all 6 shards, got 5 missing shards and 0 damaged \(0, 2, 3, 4, 5\)\. Run vqkit encode once more/,
      ),
    ]);
    expect(existsSync(join(root, 'part/statistics.json'))).toBe(false);
    expect((await here('tokens part')).stdout).toContain('not there: 5 shards (0, 2, 3, 4, 5)');
    expect((await here('merge data')).stderr).toMatch(/data must hold manifest\.json, got none/);
    expect(await here('merge one --out all.txt')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--out must end in/) as string,
    });
  });

  it('refuse a manifest that was edited, each command by name, and leave what is there', async () => {
    await call(`encode digits.safetensors data ${FAST} --shards 6 --out edited`);
    const path = join(root, 'edited/manifest.json');
    const whole = await readFile(path, 'utf8');
    const before = await shardsIn('edited');
    for (const [from, to, message] of [
      ['"batchSize": 4', '"batchSize": 5', /must be as it was written, with the checksum .* edited or damaged/],
      ['"examples": 48', '"examples": "all"', /manifest\.json: examples must be/],
      ['{', '', /must be JSON/],
      [whole, '', /must be JSON/],
    ] as const) {
      await writeFile(path, whole.replace(from, to));
      for (const line of [
        'tokens edited',
        'tokens edited/ids-00001-of-00006.safetensors',
        'merge edited',
        'decode digits.safetensors edited --out pictures',
        `encode digits.safetensors data ${FAST} --out edited`,
      ]) {
        const ended = await here(line);
        expect([line, ended.code, ended.stderr]).toEqual([line, 1, expect.stringMatching(message)]);
      }
    }
    expect(await shardsIn('edited')).toEqual(before);
    await writeFile(path, whole);
    expect((await here('merge edited')).code).toBe(0);
  });

  it('encode names a source that is gone or not the same, and goes on when it is back', async () => {
    await call(`encode digits.safetensors data ${FAST} --shards 6 --out source --shard 0`);
    await rename(join(root, 'data'), join(root, 'gone'));
    for (const line of [
      `encode digits.safetensors data ${FAST} --out source`,
      `encode digits.safetensors data ${FAST} --out source --shard 1`,
    ]) {
      const ended = await here(line);
      expect([ended.code, ended.stderr]).toEqual([
        expect.any(Number),
        expect.stringMatching(/error: .*data.* must .*got/),
      ]);
      expect(ended.code).not.toBe(0);
    }
    await rename(join(root, 'gone'), join(root, 'data'));
    expect(await call(`encode digits.safetensors data ${FAST} --out source`)).toMatchObject({ code: 0 });
    expect(await shardsIn('source')).toEqual(await shardsIn('one'));
  });

  it('decodes a part of a folder', async () => {
    expect(await call('decode digits.safetensors one --from 20 --limit 10 --out decoded')).toMatchObject({ code: 0 });
    expect((await readdir(join(root, 'decoded'))).sort()).toEqual(
      Array.from({ length: 10 }, (_, i) => `0000${20 + i}.png`),
    );
  });
});
