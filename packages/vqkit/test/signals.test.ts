import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fullRun } from '@vqkit/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vqkit, vqkitHere, writeTinyData } from './cli.ts';

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'vqkit-signals-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let tiny: string[] = [];
beforeAll(async () => {
  const data = await writeTinyData(join(root, 'data'));
  const common = '--quantizer fsq --widths 4 --batch-size 8 --validation-size 8 --engine cpu';
  tiny = ['train', '--data', 'idx', '--data-path', data, ...common.split(' ')];
});

describe('vqkit train', () => {
  it.each(fullRun ? (['stderr', 'stdout'] as const) : (['stdout'] as const))(
    'goes on when the reader of %s has gone',
    async (stream) => {
      const out = join(root, `closed-${stream}`);
      const child = spawn(process.execPath, [
        CLI,
        ...tiny,
        '--steps',
        fullRun ? '200' : '60',
        '--validate-every',
        '2',
        '--out-dir',
        out,
      ]);
      const [, [code]] = await Promise.all([
        once(child.stderr, 'data').then(() => child[stream].destroy()),
        once(child, 'exit') as Promise<[number | null]>,
      ]);
      expect(code).toBe(0);
      expect(await readdir(out)).toContain('report.html');
    },
  );

  it.each([
    ['SIGHUP', 129],
    ['SIGTERM', 143],
  ] as const)('stops on %s with a checkpoint, the reader of its output gone or not', async (signal, expected) => {
    const out = join(root, signal);
    const child = spawn(process.execPath, [
      CLI,
      ...tiny,
      '--steps',
      '100000',
      '--checkpoint-every',
      '100000',
      '--out-dir',
      out,
    ]);
    await once(child.stderr, 'data');
    // What a terminal does that is closed.
    child.stderr.destroy();
    child.stdout.destroy();
    setTimeout(() => child.kill(signal), 500);
    const [code] = (await once(child, 'exit')) as [number | null];
    expect(code).toBe(expected);
    const steps = (await readdir(join(out, 'checkpoints'))).map((name) => Number(/\d+/.exec(name)?.[0]));
    expect(Math.max(...steps)).toBeGreaterThan(0);
    expect(await readdir(out)).not.toContain('lock.json');
  });
});

it('names an --out that cannot be written before it works', async () => {
  const out = join(root, 'for-out');
  expect((await vqkit([...tiny, '--steps', '2', '--out-dir', out])).code).toBe(0);
  const nowhere = join(root, 'nowhere', 'x.safetensors');
  const calls: [string[], string][] = [
    [['encode', out, '--data', 'mnist', '--out', nowhere], `encodeImages: ${nowhere} must be written, got ENOENT`],
    [['export', out, '--out', nowhere], `export: ${nowhere} must be written, got ENOENT`],
    [['report', out, '--out', nowhere], `writeReport: ${nowhere} must be written, got ENOENT`],
    [[...tiny, '--steps', '2', '--out-dir', '/proc/run'], 'train: /proc/run must be a folder that can be written into'],
  ];
  for (const [args, message] of calls) {
    const { code, stderr } = await vqkitHere(args);
    expect(code).toBe(1);
    expect(stderr).toContain(`error: ${message}`);
    expect(stderr).not.toContain('images, engine');
  }
});
