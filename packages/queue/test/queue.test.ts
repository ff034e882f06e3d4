import { execFile, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { redisMissing } from '@vqkit/testing';
import { blobs, idxFile } from '@vqkit/testing/pictures';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const execute = promisify(execFile);
const missing = redisMissing();
/** Built packages, as a user has them: the queue starts processes. */
const CLI = fileURLToPath(new URL('../../vqkit/dist/cli.js', import.meta.url));
const CHAOS = fileURLToPath(new URL('./chaos.mjs', import.meta.url));
const FAST = ['--engine', 'wasm', '--threads', '1'];

let root = '';
let address = '';
let server: ReturnType<typeof spawn> | undefined;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function vqkit(...args: string[]): Promise<Ended> {
  return vqkitWith({}, ...args);
}

function vqkitWith(env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> {
  return execute(process.execPath, [CLI, ...args], { cwd: root, env: { ...process.env, ...env } }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Ended) => error,
  );
}

describe.skipIf(missing !== undefined)(
  missing === undefined ? 'vqkit queue' : `vqkit queue: skipped, ${missing}`,
  () => {
    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), 'vqkit-queue-'));
      await writeFile(join(root, 'train-images-idx3-ubyte'), idxFile(40, 8, 8, blobs(40, 1)));
      const options =
        '--validation-size 8 --batch-size 8 --widths 4,8 --steps 2 --quantizer fsq --levels 5,4 --engine wasm';
      await vqkit(...`train --data idx --data-path . ${options} --out-dir run`.split(' '));
      await vqkit('export', 'run', '--out', 'digits.safetensors');
      const listener = createServer().listen(0, '127.0.0.1');
      await once(listener, 'listening');
      const { port } = listener.address() as { port: number };
      await new Promise((done) => listener.close(done));
      const args = ['--port', `${port}`, '--requirepass', 'secret', '--save', '', '--dir', root];
      server = spawn('redis-server', args, { stdio: 'ignore' });
      address = `redis://:secret@127.0.0.1:${port}`;
      for (let i = 0; i < 100; i++) {
        try {
          execFileSync('redis-cli', ['-a', 'secret', '-p', `${port}`, 'ping'], { stdio: 'pipe' });
          break;
        } catch {
          await new Promise((go) => setTimeout(go, 100));
        }
      }
    });
    afterAll(async () => {
      server?.kill();
      await rm(root, { recursive: true, force: true });
    });

    it('encodes every shard once, in any number of workers, and says how far it is', async () => {
      const image = 'train-images-idx3-ubyte';
      await vqkit('encode', 'digits.safetensors', image, ...FAST, '--out', 'one', '--shards', '8');
      await vqkit('encode', 'digits.safetensors', image, '--out', 'ids', '--shards', '8', '--plan', ...FAST);
      const redis = ['--redis', address, '--queue', 'first'];
      expect((await vqkit('queue', 'fill', 'ids', ...redis)).stdout).toBe(
        '8 shards of 8 put on the queue, 0 complete, 0 there already\n',
      );
      expect((await vqkit('queue', 'fill', 'ids', ...redis)).stdout).toMatch(/^0 shards of 8 .* 8 there already/);
      expect((await vqkit('queue', 'status', ...redis)).stdout).toMatch(/^8 waiting, 0 active/);
      const workers = await Promise.all([1, 2].map(() => vqkit('queue', 'work', ...redis, ...FAST)));
      const done = workers.map(({ stdout }) => Number(/^(\d+) shards? done, 0 failed$/m.exec(stdout)?.[1]));
      expect(done.reduce((sum, each) => sum + each, 0)).toBe(8);
      expect((await vqkit('queue', 'status', ...redis)).stdout).toMatch(
        /^0 waiting, 0 active, .* 8 completed, 0 failed/,
      );
      const [one, ids] = await Promise.all(
        ['one', 'ids'].map((folder) => vqkit('merge', folder, '--out', `${folder}.safetensors`)),
      );
      expect(ids?.stdout.replaceAll('ids.', 'one.')).toBe(one?.stdout.replaceAll('ids.', 'one.'));
      expect((await execute('cmp', ['one.safetensors', 'ids.safetensors'], { cwd: root })).stdout).toBe('');
      // What was lost since is put back.
      await rm(join(root, 'ids', 'ids-00003-of-00008.json'));
      expect((await vqkit('queue', 'fill', 'ids', ...redis)).stdout).toMatch(/^1 shard of 8 put/);
      expect((await vqkit('queue', 'work', ...redis, ...FAST)).stdout).toMatch(/^1 shard done/);
    });

    it('lists what failed with its reason, and tries it anew', async () => {
      const redis = ['--redis', address, '--queue', 'failing'];
      await vqkit(
        'encode',
        'digits.safetensors',
        'train-images-idx3-ubyte',
        '--out',
        'lost',
        '--shards',
        '2',
        '--plan',
        ...FAST,
      );
      await vqkit('queue', 'fill', 'lost', ...redis);
      await rename(join(root, 'train-images-idx3-ubyte'), join(root, 'away'));
      const worked = await vqkit('queue', 'work', ...redis, ...FAST, '--workers', '2');
      expect([worked.code, worked.stdout]).toEqual([1, '0 shards done, 2 failed\n']);
      const { stdout } = await vqkit('queue', 'status', ...redis);
      expect(stdout).toMatch(/2 failed\nfailed: shard [01] of .*lost \(5 tries\): .*train-images-idx3-ubyte must /);
      await mkdir(join(root, 'there'));
      await rename(join(root, 'away'), join(root, 'there', 'moved'));
      expect((await vqkit('queue', 'fill', 'lost', ...redis)).stdout).toMatch(/^2 shards of 2 put/);
      const moved = await vqkit('queue', 'work', ...redis, ...FAST, '--data', join(root, 'there', 'moved'));
      expect([moved.code, moved.stdout]).toEqual([0, '2 shards done, 0 failed\n']);
      await rename(join(root, 'there', 'moved'), join(root, 'train-images-idx3-ubyte'));
    });

    it('gives the shard back on Ctrl-C', async () => {
      const redis = ['--redis', address, '--queue', 'stopped'];
      await vqkit(
        'encode',
        'digits.safetensors',
        'train-images-idx3-ubyte',
        '--out',
        'given',
        '--shards',
        '5',
        '--batch-size',
        '1',
        '--plan',
        ...FAST,
      );
      await vqkit('queue', 'fill', 'given', ...redis);
      const worker = spawn(process.execPath, [CLI, 'queue', 'work', ...redis, ...FAST], { cwd: root });
      await once(worker.stderr, 'data');
      worker.kill('SIGINT');
      const [code] = (await once(worker, 'exit')) as [number | null];
      expect(code).toBe(130);
      const { stdout } = await vqkit('queue', 'status', ...redis);
      const [, waiting, completed] =
        /^(\d) waiting, 0 active, 0 to be tried again, (\d) completed, 0 failed/.exec(stdout) ?? [];
      expect(Number(waiting) + Number(completed)).toBe(5);
      expect((await readdir(join(root, 'given'))).filter((name) => /^ids.*json$/.test(name)).length).toBe(
        Number(completed),
      );
    });

    it.each([
      [
        'redis://:wrong@127.0.0.1:PORT',
        2,
        /--redis must have the password of the server, got "redis:\/\/…@127\.0\.0\.1:\d+"\. Put it into the address/,
      ],
      [
        'redis://127.0.0.1:1',
        1,
        /redis:\/\/127\.0\.0\.1:1 must be a Redis server that answers, got none\. Start redis-server there/,
      ],
      ['127.0.0.1', 2, /--redis must be an address such as redis:\/\/host:6379, got "127\.0\.0\.1"/],
    ])('names what is wrong with %s', async (given, code, message) => {
      const redis = given.replace('PORT', address.split(':').at(-1) ?? '');
      for (const line of [['status'], ['work'], ['fill', 'one']]) {
        const ended = await vqkit('queue', ...line, '--redis', redis);
        expect([ended.code, ended.stderr]).toEqual([code, expect.stringMatching(message)]);
      }
    });

    const planned = (out: string, shards: string): Promise<Ended> =>
      vqkit(
        'encode',
        'digits.safetensors',
        'train-images-idx3-ubyte',
        '--out',
        out,
        '--shards',
        shards,
        '--plan',
        ...FAST,
      );

    it('ends a worker whose machine does not see the folder, and leaves the shards to others', async () => {
      const redis = ['--redis', address, '--queue', 'unshared'];
      await planned('unshared', '8');
      await vqkit('queue', 'fill', 'unshared', ...redis);
      await rename(join(root, 'unshared'), join(root, 'hidden'));
      const worked = await vqkit('queue', 'work', ...redis, ...FAST);
      expect([worked.code, worked.stderr]).toEqual([
        1,
        expect.stringMatching(
          /error: workQueue: .*unshared must hold manifest\.json, got none.* shared with this one\./,
        ),
      ]);
      const { stdout } = await vqkit('queue', 'status', ...redis);
      const [, waiting, delayed] =
        /^(\d) waiting, 0 active, (\d) to be tried again, 0 completed, 0 failed/.exec(stdout) ?? [];
      expect(Number(waiting) + Number(delayed)).toBe(8);
      await rename(join(root, 'hidden'), join(root, 'unshared'));
      expect((await vqkit('queue', 'work', ...redis, ...FAST)).stdout).toBe('8 shards done, 0 failed\n');
      expect((await vqkit('merge', 'unshared')).stdout).toBe(
        (await vqkit('merge', 'one')).stdout.replace('one', 'unshared'),
      );
    });

    it('names a plan of another version of vqkit, and one that was edited', async () => {
      const redis = ['--redis', address, '--queue', 'versions'];
      await planned('version', '2');
      const path = join(root, 'version', 'manifest.json');
      const { sha256: _, ...plan } = JSON.parse(await readFile(path, 'utf8')) as { sha256: string };
      const other = { ...plan, vqkit: '99.0.0' };
      await writeFile(path, JSON.stringify(other));
      const unsealed = await vqkit('queue', 'fill', 'version', ...redis);
      expect([unsealed.code, unsealed.stderr]).toEqual([
        1,
        expect.stringMatching(/manifest\.json: .*must be as it was written/),
      ]);
      const sha256 = createHash('sha256').update(JSON.stringify(other)).digest('hex');
      await writeFile(path, JSON.stringify({ ...other, sha256 }));
      expect((await vqkit('queue', 'fill', 'version', ...redis)).code).toBe(0);
      const worked = await vqkit('queue', 'work', ...redis, ...FAST);
      expect([worked.code, worked.stderr]).toEqual([
        2,
        expect.stringMatching(
          /the worker must be of the manifest's version of vqkit, "99\.0\.0", got .* Install vqkit@99\.0\.0/,
        ),
      ]);
      // Edited once more: its shards are others than those of the queue.
      await writeFile(path, JSON.stringify({ ...other, sha256: 'ab'.repeat(32) }));
      expect((await vqkit('queue', 'work', ...redis, ...FAST)).stderr).toMatch(
        /must be as it was written, .*edited or damaged/,
      );
    });

    it('names a clock that is not that of the server, and changes nothing', async () => {
      const redis = ['--redis', address, '--queue', 'clocks'];
      await planned('clocks', '2');
      const late = 'data:text/javascript,const%20now=Date.now;Date.now=()=>now()-7200000';
      for (const line of [['fill', 'clocks'], ['work']]) {
        const ended = await vqkitWith({ NODE_OPTIONS: `--import=${late}` }, 'queue', ...line, ...redis);
        expect([ended.code, ended.stderr]).toEqual([
          1,
          expect.stringMatching(
            /this machine's clock must be within 60 seconds of that of .*, got 7\d\d\d seconds behind\. Set it/,
          ),
        ]);
      }
      expect((await vqkit('queue', 'status', ...redis)).stdout).toMatch(/^0 waiting, 0 active/);
    });

    it('loses nothing while workers are killed, Redis is restarted, and the disk is full', async () => {
      const runs = process.env.CHAOS_RUNS ?? '1';
      const { stdout } = await execute(process.execPath, [CHAOS, '--shards', '12', '--workers', '2', '--runs', runs]);
      expect(stdout.match(/"equal":true/g)?.length).toBe(Number(runs));
    });
  },
);
