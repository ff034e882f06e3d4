// Encodes a folder of shards by a queue while workers are killed, Redis is restarted, the disk is full for a while and two workers do one shard, and compares all bytes with those of
// one process. `node test/chaos.mjs --shards 200 --workers 4 --runs 20`; it needs redis-server, and for the full disk the right to mount.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { init } from '@vqkit/backend-node';
import { createImageTokenizer, saveTokenizer } from '@vqkit/tokenizer';

const CLI = fileURLToPath(new URL('../../vqkit/dist/cli.js', import.meta.url));
const execute = promisify(execFile);
const { values } = parseArgs({
  options: {
    shards: { type: 'string', default: '20' },
    workers: { type: 'string', default: '2' },
    runs: { type: 'string', default: '1' },
    restarts: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
  },
});
const [shards, workers, runs, restarts] = [values.shards, values.workers, values.runs, values.restarts].map(Number);
const SIDE = 8;

/** Numbers that a seed decides (Park and Miller). */
let state = Number(values.seed);
const random = () => {
  state = (state * 48271) % 2147483647;
  return state / 2147483647;
};

const root = await mkdtemp(join(tmpdir(), 'vqkit-chaos-'));
const started = new Set();

/** @param {string[]} args */
function vqkit(...args) {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  started.add(child);
  const said = { text: '', out: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said.text += chunk;
      if (stream === child.stdout) said.out += chunk;
    });
  }
  return { child, said, ended: once(child, 'exit').finally(() => started.delete(child)) };
}

/** @param {string[]} args */
async function must(...args) {
  const { said, ended } = vqkit(...args);
  const [code] = await ended;
  assert.equal(code, 0, `vqkit ${args.join(' ')}: ${said.text}`);
  return said.out;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  await new Promise((done) => server.close(done));
  return port;
}

/** @param {number} port */
async function redis(port) {
  const args = ['--port', `${port}`, '--dir', root, '--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  started.add(server);
  for (let i = 0; i < 100; i++) {
    const said = await execute('redis-cli', ['-p', `${port}`, 'ping']).catch(() => ({ stdout: '' }));
    if (said.stdout.startsWith('PONG')) return server;
    await wait(100);
  }
  throw new Error('redis-server does not answer');
}

/** Children of a process, by the system. @param {number} pid */
async function childrenOf(pid) {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}

/** @param {string} folder */
async function bytesOf(folder) {
  const names = (await readdir(folder)).filter((name) => /^(ids|manifest|names|tokenizer)/.test(name)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, (await readFile(join(folder, name))).toString('base64')])),
  );
}

/** Half of the memory disk, where one can be mounted. @param {string} folder */
async function mounted(folder) {
  await mkdir(folder, { recursive: true });
  return execute('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', folder]).then(
    () => true,
    () => false,
  );
}

const SAME = ['--engine', 'wasm', '--threads', '1'];
const port = await freePort();
const address = `redis://127.0.0.1:${port}`;

async function prepare() {
  await init({ prefer: 'cpu' });
  const quantizerOptions = { levels: [8, 5, 5, 5] };
  const tokenizer = createImageTokenizer({ quantizer: 'fsq', quantizerOptions, channels: 1, widths: [4, 8] });
  await writeFile(join(root, 'tokenizer.safetensors'), await saveTokenizer(tokenizer));
  const count = shards * 16 - 5;
  const bytes = Buffer.alloc(16 + count * SIDE * SIDE);
  for (const [i, word] of [0x803, count, SIDE, SIDE].entries()) bytes.writeUInt32BE(word, 4 * i);
  for (let i = 16; i < bytes.length; i++) bytes[i] = Math.floor(256 * random());
  await writeFile(join(root, 'images-idx3-ubyte'), bytes);
  const plan = [join(root, 'tokenizer.safetensors'), join(root, 'images-idx3-ubyte'), '--shards', `${shards}`];
  await must('encode', ...plan, ...SAME, '--batch-size', '4', '--out', join(root, 'one'));
  const statistics = await must('merge', join(root, 'one'));
  return { plan, expected: await bytesOf(join(root, 'one')), statistics: statistics.replaceAll('one', '') };
}

/** @param {Awaited<ReturnType<typeof prepare>>} prepared @param {number} run */
async function chaos({ plan, expected, statistics }, run) {
  const folder = join(root, `run-${run}`);
  const hasDisk = await mounted(folder);
  const count = { kills: 0, restarts: 0, fullDiskSeconds: 0, twice: 0, refills: 0, seconds: 0 };
  const began = Date.now();
  await must('encode', ...plan, ...SAME, '--batch-size', '4', '--out', folder, '--plan');
  let server = await redis(port);
  await must('queue', 'fill', folder, '--redis', address);
  let isOver = false;
  const place = async () => {
    while (!isOver) {
      const args = ['queue', 'work', '--redis', address, '--stay', '--lock-seconds', '2', '--workers', '1', ...SAME];
      const worker = vqkit(...args);
      working.add(worker.child);
      await worker.ended;
      working.delete(worker.child);
    }
  };
  /** @type {Set<import('node:child_process').ChildProcess>} */
  const working = new Set();
  const places = Array.from({ length: workers }, place);
  const full = join(folder, 'full');
  const isFullAt = hasDisk ? 4 + Math.floor(4 * random()) : -1;
  const restartsAt = Array.from({ length: restarts }, (_, i) => 6 + 8 * i + Math.floor(5 * random()));
  for (let second = 1; ; second++) {
    await wait(1000);
    const done = (await readdir(folder)).filter((name) => /^ids-\d.*json$/.test(name)).length;
    if (second % 5 === 0) {
      // Whoever fills it again puts back what was out of tries.
      const filled = vqkit('queue', 'fill', folder, '--redis', address);
      const [code] = await filled.ended;
      if (code === 0 && !/^0 shards of/.test(filled.said.text)) count.refills++;
    }
    if (done === shards && second > Math.max(isFullAt + 3, ...restartsAt)) break;
    assert(second < 600, `not done after ${second} s: ${done} of ${shards}`);
    const all = [...working];
    const victim = all[Math.floor(all.length * random())];
    if (victim?.pid !== undefined) {
      const [child] = await childrenOf(victim.pid);
      const pid = child !== undefined && random() < 0.5 ? child : victim.pid;
      try {
        process.kill(pid, 'SIGKILL');
        count.kills++;
      } catch {
        // It has just ended.
      }
    }
    if (second === isFullAt) await execute('dd', ['if=/dev/zero', `of=${full}`, 'bs=1M']).catch(() => undefined);
    if (second === isFullAt + 3) {
      await rm(full, { force: true });
      count.fullDiskSeconds = 3;
    }
    if (restartsAt.includes(second)) {
      server.kill('SIGKILL');
      await once(server, 'exit');
      await wait(500);
      server = await redis(port);
      count.restarts++;
    }
    if (second === 3) {
      const shard = `${Math.floor(shards * random())}`;
      const two = [0, 1].map(() => vqkit('encode', ...plan, ...SAME, '--out', folder, '--shard', shard).ended);
      count.twice += (await Promise.all(two)).filter(([code]) => code === 0).length;
    }
  }
  isOver = true;
  for (const worker of working) worker.kill('SIGINT');
  const late = setTimeout(() => {
    for (const worker of working) worker.kill('SIGKILL');
  }, 20_000);
  await Promise.all(places);
  clearTimeout(late);
  // One last time, as after any crash: what is not whole is done.
  await must('encode', ...plan, ...SAME, '--out', folder);
  const found = await must('merge', folder);
  assert.deepEqual(await bytesOf(folder), expected);
  assert.equal(found.replaceAll(`run-${run}`, ''), statistics);
  server.kill();
  await once(server, 'exit');
  for (const name of await readdir(root)) if (/^appendonly/.test(name)) await rm(join(root, name), { recursive: true });
  if (hasDisk) await execute('umount', [folder]);
  count.seconds = Math.round((Date.now() - began) / 1000);
  return count;
}

try {
  const prepared = await prepare();
  for (let run = 1; run <= runs; run++) {
    console.log(JSON.stringify({ run, shards, workers, ...(await chaos(prepared, run)), equal: true }));
  }
} finally {
  for (const child of started) child.kill('SIGKILL');
  for (const name of await readdir(root))
    if (/^run-/.test(name)) await execute('umount', [join(root, name)]).catch(() => undefined);
  await rm(root, { recursive: true, force: true });
}
