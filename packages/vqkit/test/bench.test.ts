import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fullRun, titleIf } from '@vqkit/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBenchProgress } from '../src/cli/bench-progress.ts';
import { vqkit, vqkitHere } from './cli.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqkit-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('vqkit bench', () => {
  it('describes itself', async () => {
    const { code, stdout } = await vqkitHere(['bench', '--help']);
    expect(code).toBe(0);
    for (const text of [
      '--quick',
      '--seeds',
      '--python',
      '--data',
      '--out',
      '--raw',
      '--reuse',
      '--fresh',
      'list',
      'compare',
      'docs',
    ]) {
      expect(stdout).toContain(text);
    }
  });

  it('lists every experiment with its question', async () => {
    const { code, stdout } = await vqkit(['bench', 'list']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^kernels, speed\n {4}How fast .*\?$/m);
    expect(stdout).toMatch(/^recipe\n {4}.*\?$/m);
  });

  it.each([
    [['nonsense'], 2, /^error: bench: the experiment must be one of kernels, .* or all, got "nonsense"\. .*\n$/],
    [[], 2, /^error: bench: name an experiment, or all\. See vqkit bench list\.\n$/],
    [['kernels', '--seeds', '1,x'], 2, /^error: option '--seeds .* It must be integers >= 0 .*\n$/],
    [['kernels', '--seeds', '1,1'], 2, /^error: bench: --seeds must be different numbers.*\n$/],
    [['kernels', '--data', 'no-such-folder'], 1, /^error: bench: --data must be a folder that exists, .*\n$/],
    [['kernels', '--python', 'no-such-python'], 2, /^error: bench: --python must be a Python that has torch .*\n$/],
    [['compare', 'no-a.json', 'no-b.json'], 1, /^error: bench: no-a\.json must be a readable results file, .*\n$/],
    [['compare', 'a.json'], 2, /^error: missing required argument 'B'/],
  ])('refuses %j', async (args, wanted, message) => {
    const { code, stdout, stderr } = await vqkitHere(['bench', ...args], folder);
    expect([code, stdout]).toEqual([wanted, '']);
    expect(stderr).toMatch(message);
  });

  it('refuses to compare a results file of another version', async () => {
    await writeFile(join(folder, 'old.json'), '{"version": 0}');
    const { code, stderr } = await vqkitHere(['bench', 'compare', 'old.json', 'old.json'], folder);
    expect(code).toBe(1);
    expect(stderr).toContain('must be a results file of version 2, got version 0.');
  });

  it.skipIf(!fullRun)(titleIf(fullRun, 'says whether pages and results agree'), async () => {
    const { code, stdout } = await vqkitHere(['bench', 'docs', '--check']);
    expect([code, stdout]).toEqual([0, '']);
  });
});

it('prints a line for each part where there is no terminal', () => {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  }) as unknown as NodeJS.WriteStream;
  const { hooks, stop } = createBenchProgress(stream);
  hooks.onStart?.({ experiment: 'fake', question: 'Why?', parts: 2 });
  hooks.onPart?.({ name: 'a', state: 'remembered', seconds: 3 });
  hooks.onPart?.({ name: 'b', state: 'started', seconds: 0 });
  hooks.onProgress?.(0.5);
  hooks.onLog?.('a note');
  hooks.onPart?.({ name: 'b', state: 'done', seconds: 1.26 });
  stop();
  expect(text).toBe('fake: Why?\n  1/2 a: done before\n  a note\n  2/2 b: 1.3 s\n');
});
