import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fullRun, titleIf } from '@vqkit/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** On the built package, in a process of its own, which kills itself in the third part the first time. */
const PROGRAM = `
import { appendFileSync } from 'node:fs';
const { runBenchmarks } = await import(process.argv[2]);
const [, , , out, killed] = process.argv;
const experiment = {
  name: 'fake', question: 'q', method: 'm', expected: 'e',
  async run({ part }) {
    for (const name of ['a', 'b', 'c']) {
      await part(name, {}, async () => {
        if (name === 'c' && killed === 'yes') process.kill(process.pid, 'SIGKILL');
        appendFileSync(out + '.log', name);
      });
    }
    return { tables: [], plots: [], verdicts: [], answer: 'done' };
  },
};
await runBenchmarks(['fake'], { out }, {}, [{ name: 'fake', load: async () => experiment }]);
`;

const title = 'loses nothing when it is killed half-way, and keeps the old result until the new one is whole';
it.skipIf(!fullRun)(titleIf(fullRun, title), async () => {
  const program = join(folder, 'program.mjs');
  await writeFile(program, PROGRAM);
  const out = join(folder, 'results');
  const built = new URL('../dist/src/run.js', import.meta.url).href;
  const start = (killed: 'yes' | 'no') =>
    spawnSync(process.execPath, [program, built, out, killed], { encoding: 'utf8' });

  expect(start('no')).toMatchObject({ status: 0 });
  const before = await readFile(join(out, 'fake.json'), 'utf8');
  expect(start('yes').signal).toBe('SIGKILL');
  expect(await readFile(join(out, 'fake.json'), 'utf8')).toBe(before);
  expect(await readdir(join(out, '.parts', 'fake'))).toHaveLength(2);
  expect(start('no')).toMatchObject({ status: 0 });
  expect(await readFile(`${out}.log`, 'utf8')).toBe('abcabc');
  expect(await readFile(join(out, 'fake.json'), 'utf8')).not.toBe(before);
});
