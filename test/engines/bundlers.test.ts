import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { fullRun, titleIf } from '@vqkit/testing';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack } from '../../scripts/pack.mjs';
import { files, tools } from './bundlers/apps.ts';
import { executablePath, launch, required } from './chromium.ts';

const execute = promisify(execFile);
const MINUTES = 60_000;

/** What run.js gives: in a page, a worker, Node, Bun, Deno, a server. */
interface Result {
  readonly threads: number;
  readonly ids: number[];
  readonly codec: number[];
}

const noBrowser = executablePath === undefined && !required ? ' [no Chromium is installed]' : '';
const title = titleIf(fullRun, 'packed tarballs in applications');

describe.skipIf(!fullRun)(title, () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vqkit-bundlers-')));
  const project = join(folder, 'project');
  const servers: ChildProcess[] = [];
  let expected: Result;

  const node = (...args: string[]): Promise<{ stdout: string }> =>
    execute(process.execPath, args, {
      cwd: project,
      env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
      timeout: 5 * MINUTES,
    });
  const nextCli = join(project, 'node_modules/next/dist/bin/next');

  /** Starts a server and gives the first group of the line of its output that matches. */
  const start = async (ready: RegExp, ...args: string[]): Promise<string> => {
    const server = spawn(process.execPath, args, { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
    servers.push(server);
    for await (const line of createInterface(server.stdout)) {
      const found = ready.exec(line)?.[1];
      if (found !== undefined) return found;
    }
    throw new Error(`${args.join(' ')} ended without an address`);
  };

  beforeAll(async () => {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(project, name)), { recursive: true });
      writeFileSync(join(project, name), content);
    }
    const tarballs = pack(['@vqkit/fsq...', '@vqkit/backend-wasm...'], folder).filter((name) => name.endsWith('.tgz'));
    const quiet = ['--no-audit', '--no-fund', '--no-package-lock'];
    // The two bring their binaries in packages of their own, which their installers only link.
    await execute('npm', ['install', ...quiet, ...tarballs, ...tools], { cwd: project });
    expected = JSON.parse((await node('print.js')).stdout) as Result;
  }, 10 * MINUTES);

  afterAll(() => {
    for (const server of servers) server.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  it('give ids in Node', () => {
    expect(expected.ids.length).toBe(64);
    expect(new Set(expected.ids).size).toBeGreaterThan(20);
    expect(expected.codec).toEqual(expected.ids);
  });

  it.each([
    ['Bun', ['bun', 'print.js']],
    ['Deno', ['deno', 'run', '--allow-all', 'print.js']],
  ])('give the same ids in %s', async (_, [command = '', ...args]) => {
    const { stdout } = await execute(join(project, 'node_modules/.bin', command), args, { cwd: project });
    expect(JSON.parse(stdout)).toEqual({ ...expected, threads: expect.any(Number) });
  });

  describe.skipIf(noBrowser !== '')(`in Chromium${noBrowser}`, () => {
    let browser: Browser;

    beforeAll(async () => {
      browser = await launch();
    });

    afterAll(() => browser?.close());

    /** What the page and its worker give. */
    const open = async (address: string): Promise<Result[]> => {
      const tab = await browser.newPage();
      try {
        await tab.goto(address);
        await expect.poll(() => tab.title(), { timeout: MINUTES }).toMatch(/^\[.*\]$/);
        return JSON.parse(await tab.title()) as Result[];
      } finally {
        await tab.close();
      }
    };

    const check = async (plain: string, isolated: string): Promise<void> => {
      const { ids, codec } = expected;
      expect(await open(plain)).toEqual([1, 1].map((threads) => ({ threads, ids, codec })));
      const cores = await execute(process.execPath, ['-p', 'os.availableParallelism()']);
      const threads = Number(cores.stdout);
      expect(await open(isolated)).toEqual([1, 1].map(() => ({ threads, ids, codec })));
    };

    it.each(['vite', 'webpack', 'esbuild'])(
      'give the same ids in pages that %s has built',
      async (name) => {
        await node(`${name}.mjs`);
        const [plain = '', isolated = ''] = (await start(/^(http.+)/, 'serve.mjs', `dist-${name}`)).split(' ');
        await check(plain, isolated);
      },
      5 * MINUTES,
    );

    it(
      "give the same ids on Vite's development server",
      async () => {
        const [plain = '', isolated = ''] = (await start(/^(http.+)/, 'serve.mjs')).split(' ');
        await check(plain, isolated);
      },
      5 * MINUTES,
    );

    it(
      'give the same ids in pages and on the server of Next',
      async () => {
        await node(nextCli, 'build');
        const address = await start(/(http:\/\/localhost:\d+)/, nextCli, 'start', '--port', '0');
        await check(address, `${address}/isolated`);
        expect(await (await fetch(`${address}/server`)).json()).toEqual(expected);
      },
      10 * MINUTES,
    );
  });
});
