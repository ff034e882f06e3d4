import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { fullRun, titleIf } from '@vqkit/testing';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack } from '../../scripts/pack.mjs';
import { copyExamples, tools } from './bundlers/apps.ts';
import { executablePath, launch, required } from './chromium.ts';

const execute = promisify(execFile);
const MINUTES = 60_000;

/** What each example gives: in a page, a worker, Node, Bun, Deno, a server. */
interface Result {
  readonly threads: number;
  readonly ids: number[];
  readonly codec: number[];
}

const noBrowser = executablePath === undefined && !required ? ' [no Chromium is installed]' : '';
const title = titleIf(fullRun, 'packed tarballs in the projects of examples/');

describe.skipIf(!fullRun)(title, () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vqkit-bundlers-')));
  const project = join(folder, 'project');
  const servers: ChildProcess[] = [];
  let expected: Result;

  const node = (example: string, ...args: string[]): Promise<{ stdout: string }> =>
    execute(process.execPath, args, {
      cwd: join(project, example),
      env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
      timeout: 5 * MINUTES,
    });
  const nextCli = join(project, 'node_modules/next/dist/bin/next');

  /** Starts a server and gives the first group of the line of its output that matches. */
  const start = async (ready: RegExp, example: string, ...args: string[]): Promise<string> => {
    const cwd = join(project, example);
    const server = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    servers.push(server);
    for await (const line of createInterface(server.stdout)) {
      const found = ready.exec(line)?.[1];
      if (found !== undefined) return found;
    }
    throw new Error(`${args.join(' ')} ended without an address`);
  };

  beforeAll(async () => {
    copyExamples(project);
    const packed = pack(['@vqkit/layers...', '@vqkit/fsq...', '@vqkit/backend-wasm...'], folder);
    const tarballs = packed.filter((name) => name.endsWith('.tgz'));
    const quiet = ['--no-audit', '--no-fund', '--no-package-lock'];
    // The two bring their binaries in packages of their own, which their installers only link.
    await execute('npm', ['install', ...quiet, ...tarballs, ...tools], { cwd: project });
    expected = JSON.parse((await node('node', 'index.js')).stdout) as Result;
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
    ['Bun', ['bun', 'index.js']],
    ['Deno', ['deno', 'run', '--allow-all', 'index.js']],
  ])('give the same ids in %s', async (_, [command = '', ...args]) => {
    const { stdout } = await execute(join(project, 'node_modules/.bin', command), args, {
      cwd: join(project, 'node'),
    });
    expect(JSON.parse(stdout)).toEqual({ ...expected, threads: expect.any(Number) });
  });

  it('train a model of tf.layers, and load it from its files', async () => {
    expect((await node('layers', 'index.js')).stdout).toContain('the same ids from the files: true');
  });

  describe.skipIf(noBrowser !== '')(`in Chromium${noBrowser}`, () => {
    let browser: Browser;

    beforeAll(async () => {
      browser = await launch();
    });

    afterAll(() => browser?.close());

    /** What the page shows. */
    const open = async (address: string): Promise<unknown> => {
      const tab = await browser.newPage();
      try {
        await tab.goto(address);
        const shown = async (): Promise<string> => (await tab.textContent('pre')) ?? '';
        await expect.poll(shown, { timeout: MINUTES }).not.toBe('');
        return JSON.parse(await shown());
      } finally {
        await tab.close();
      }
    };

    /** @param places such as the page and its worker: whether they share what is shown. */
    const check = async (plain: string, isolated: string, places?: number): Promise<void> => {
      const { ids, codec } = expected;
      const of = (threads: number): unknown => {
        const result = { threads, ids, codec };
        return places === undefined ? result : new Array(places).fill(result);
      };
      expect(await open(plain)).toEqual(of(1));
      const cores = await execute(process.execPath, ['-p', 'os.availableParallelism()']);
      expect(await open(isolated)).toEqual(of(Number(cores.stdout)));
    };

    it.each(
      ['vite', 'worker'].flatMap((example) => ['vite', 'webpack', 'esbuild'].map((tool) => [example, tool] as const)),
    )(
      'give the same ids in examples/%s, built by %s',
      async (example, tool) => {
        await node(example, `../${tool}.mjs`);
        const addresses = await start(/^(http.+)/, example, '../serve.mjs', `dist-${tool}`);
        const [plain = '', isolated = ''] = addresses.split(' ');
        await check(plain, isolated);
      },
      5 * MINUTES,
    );

    it.each(['vite', 'worker'])(
      "give the same ids in examples/%s on Vite's development server",
      async (example) => {
        const [plain = '', isolated = ''] = (await start(/^(http.+)/, example, '../serve.mjs')).split(' ');
        await check(plain, isolated);
      },
      5 * MINUTES,
    );

    it(
      'give the same ids in pages, their workers and on the server of examples/next',
      async () => {
        await node('.', nextCli, 'build');
        const address = await start(/(http:\/\/localhost:\d+)/, '.', nextCli, 'start', '--port', '0');
        await check(address, `${address}/isolated`, 2);
        expect(await (await fetch(`${address}/server`)).json()).toEqual(expected);
      },
      10 * MINUTES,
    );
  });
});
