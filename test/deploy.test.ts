import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack } from '../scripts/pack.mjs';
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

  const full = process.env.VQKIT_TESTS === 'full';
  it.skipIf(!full)(
    `the image of the Dockerfile does the shard of its index${full ? '' : ' [left to the full run: bash .ci/run]'}`,
    async () => {
      // No daemon builds it here: its lines are done in a folder, with the packed packages in place of those of the registry.
      const file = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8');
      const value = (name: string): string => new RegExp(`^${name} (.*)$`, 'm').exec(file)?.[1] ?? '';
      expect([...file.matchAll(/^[A-Z]+/gm)].map(([name]) => name)).toEqual([
        'FROM',
        'ARG',
        'WORKDIR',
        'RUN',
        'ENV',
        'ENTRYPOINT',
      ]);
      const image = join(folder, 'image');
      const here = join(image, value('WORKDIR'));
      mkdirSync(here, { recursive: true });
      const published = /vqkit@\$\{VERSION\} @vqkit\/queue@\$\{VERSION\}/;
      expect(value('RUN')).toMatch(published);
      const tarballs = join(folder, 'tarballs');
      mkdirSync(tarballs);
      const packed = pack(['vqkit...', '@vqkit/queue...'], tarballs).join(' ');
      await execute('sh', ['-c', value('RUN').replace(published, packed)], { cwd: here });
      const [name = '', path = ''] = value('ENV').split('=');
      const env = {
        ...process.env,
        [name]: path.replace('/opt', join(image, 'opt')).replace('$PATH', process.env.PATH ?? ''),
      };
      const [program = ''] = JSON.parse(value('ENTRYPOINT')) as string[];
      const inImage = (
        args: readonly string[],
        more: NodeJS.ProcessEnv = {},
      ): Promise<{ stdout: string; stderr: string }> =>
        execute(program, args, { cwd: folder, env: { ...env, ...more } });
      const { stderr } = await inImage(
        ['encode', 'tokenizer.safetensors', '--data', 'mnist', '--part', 'test', '--out', 'ids'],
        { JOB_COMPLETION_INDEX: '8' },
      );
      expect(stderr).not.toContain('already been set');
      expect(shardsOf('ids')).toContain('ids-00008-of-00009.json');
      await expect(inImage(['queue', 'status', '--redis', 'redis://127.0.0.1:1'])).rejects.toThrow(
        /must be a Redis server that answers/,
      );
    },
    600_000,
  );
});
