import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../scripts/setup.mjs';

const execute = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'vqkit-deploy-'));
const CLI = join(root, 'packages/vqkit/dist/cli.js');
const vqkit = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<{ stdout: string }> =>
  execute(process.execPath, [CLI, ...args], { cwd: folder, env: { ...process.env, ...env } });

beforeAll(async () => {
  const small = '--steps 1 --batch-size 16 --validation-size 0 --widths 4,8 --quantizer fsq --levels 5,4 --engine wasm';
  await vqkit(`train ${small} --out-dir run`.split(' '));
  await vqkit(['export', 'run', '--out', 'tokenizer.safetensors']);
});
afterAll(() => rmSync(folder, { recursive: true }));

const shardsOf = (out: string): string[] => readdirSync(join(folder, out)).filter((name) => /^ids-.*json$/.test(name));

describe('deploy/', () => {
  it('slurm.sbatch does the shard of its task', async () => {
    await vqkit([
      'encode',
      'tokenizer.safetensors',
      '--data',
      'mnist',
      '--part',
      'test',
      '--out',
      'ids',
      '--shards',
      '9',
      '--plan',
    ]);
    const env = { VQKIT: `${process.execPath} ${CLI}`, SLURM_ARRAY_TASK_ID: '4', SLURM_CPUS_PER_TASK: '1' };
    const script = readFileSync(join(root, 'deploy/slurm.sbatch'), 'utf8').replace(
      '"$2" ',
      '--data mnist --part test ',
    );
    await execute('bash', ['-c', script, 'slurm', 'tokenizer.safetensors', '-', 'ids'], {
      cwd: folder,
      env: { ...process.env, ...env },
    });
    expect(shardsOf('ids')).toEqual(['ids-00004-of-00009.json']);
  });

  it('the Job does the shard of its index, by its own arguments', async () => {
    const job = readFileSync(join(root, 'deploy/kubernetes.yaml'), 'utf8');
    const [, list = ''] = /args: \[(.*)\]/.exec(job) ?? [];
    const args = list.split(', ').map((arg) => arg.replaceAll('"', ''));
    const here = args.flatMap((arg) =>
      arg === '/data/photos' ? ['--data', 'mnist', '--part', 'test'] : [arg.replace('/data/', '')],
    );
    await vqkit(here, { JOB_COMPLETION_INDEX: '7' });
    expect(shardsOf('ids')).toContain('ids-00007-of-00009.json');
    expect(job).toMatch(/completionMode: Indexed/);
  });
});
