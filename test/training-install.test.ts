import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../scripts/setup.mjs';

const MINUTES = 60_000;
const full = process.env.VQKIT_TESTS === 'full';

describe.skipIf(!full)(`what npm start installs${full ? '' : ' [left to the full run: bash .ci/run]'}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vqkit-clone-'));
  const run = (command: string, ...args: string[]): string =>
    execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const install = (part: string): string =>
    run(
      process.execPath,
      '--input-type=module',
      '-e',
      `import { ensureInstalled, ensureBuilt } from './scripts/setup.mjs';
ensureInstalled('${part}');
ensureBuilt('vqkit');`,
    );
  const modules = (): string[] => readdirSync(join(folder, 'node_modules/.pnpm'));

  beforeAll(() => {
    const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root });
    for (const name of files
      .toString()
      .split('\0')
      .filter((each) => existsSync(join(root, each)) && each !== '')) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      cpSync(join(root, name), join(folder, name));
    }
    install('training');
  }, 10 * MINUTES);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is less than 500 MB, without the tools and the peers of tests and benchmarks', () => {
    const megabytes = Number(/^\d+/.exec(run('du', '-sm', 'node_modules'))?.[0]);
    expect(megabytes).toBeGreaterThan(100);
    expect(megabytes).toBeLessThan(500);
    const left =
      /^(uplot|onnxruntime|webgpu@|@tensorflow\+tfjs@|@tensorflow\+tfjs-node|@jax-js|vitest@|@biomejs|playwright)/;
    expect(modules().filter((name) => left.test(name))).toEqual([]);
    expect(existsSync(join(folder, 'apps/bench/dist'))).toBe(false);
  });

  it('is what the command line needs', () => {
    expect(run(process.execPath, 'packages/vqkit/dist/cli.js', 'doctor')).toMatch(/^ *wasm +runs:/m);
  });

  it(
    'is what npm start needs, to its last line',
    () => {
      const out = run(process.execPath, 'scripts/start.mjs', '--steps', '2', '--validate-every', '2');
      expect(out).toMatch(/^quantizer +bits\/token .*\n(.+\n){3}\nDone in \d+ s\. The three side by side: /m);
    },
    10 * MINUTES,
  );

  it(
    'grows into what npm test installs, and stays that',
    () => {
      install('all');
      const all = modules();
      expect(all.some((name) => name.startsWith('vitest@'))).toBe(true);
      install('training');
      expect(modules()).toEqual(all);
    },
    10 * MINUTES,
  );
});
