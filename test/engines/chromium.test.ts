import type { InitOptions } from '@vqkit/backend-wasm';
import { camelCaseOptions, expectClose, expectSame, type Golden, goldenCases, tolerances } from '@vqkit/testing';
import type { Browser, Page as Tab } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bundle, executablePath, launch, required, type Site, serve } from './chromium.ts';
import type { Case, Page, PageEngine } from './page.ts';
import { type Run, TRAINED } from './training.ts';

const missing = executablePath === undefined;

/** An engine as a page may have it. */
interface Setting {
  readonly engine: PageEngine;
  readonly path: 'plain' | 'isolated';
  readonly options?: InitOptions;
}

const settings: Record<string, Setting> = {
  cpu: { engine: 'cpu', path: 'plain' },
  'wasm without isolation': { engine: 'wasm', path: 'plain' },
  'wasm, isolated, threads': { engine: 'wasm', path: 'isolated', options: { threads: 2 } },
  'wasm, isolated, one thread': { engine: 'wasm', path: 'isolated', options: { threads: 1 } },
  'wasm from files that are served': { engine: 'wasm', path: 'isolated', options: { threads: 2, wasmPaths: '/wasm/' } },
  webgpu: { engine: 'webgpu', path: 'plain' },
};

const goldens: Record<string, Golden[]> = {
  FSQ: goldenCases('FSQ').slice(0, 3),
  LFQ: goldenCases('LFQ').slice(0, 3),
  SimVQ: goldenCases('SimVQ')
    .filter(({ config }) => !('codebook_transform' in config))
    .slice(0, 2),
};

const STEPS = 50;

describe.skipIf(missing && !required)(missing ? 'in Chromium: skipped, none is installed' : 'in Chromium', () => {
  let browser: Browser;
  const sites: Site[] = [];
  let tab: Tab;
  /** On the cpu engine, which the others must meet. */
  let expectedRuns: Run[];

  beforeAll(async () => {
    browser = await launch();
    for (const minify of [false, true]) sites.push(await serve(await bundle(minify)));
    await open('plain', 0);
    await start({ engine: 'cpu', path: 'plain' });
    expectedRuns = await trained();
    await tab.close();
  });

  afterEach(() => tab.close());

  afterAll(async () => {
    await browser?.close();
    for (const site of sites) site.close();
  });

  async function open(path: Setting['path'], site: 0 | 1): Promise<void> {
    tab = await browser.newPage();
    await tab.goto(`${sites[site]?.address}/${path}`);
  }

  function start({ engine, options }: Setting): Promise<Record<string, unknown>> {
    return tab.evaluate(([name, given]) => (globalThis as unknown as { page: Page }).page.start(name, given), [
      engine,
      options,
    ] as const);
  }

  async function trained(): Promise<Run[]> {
    const results: Run[] = [];
    for (const [kind, options] of TRAINED) {
      results.push(
        await tab.evaluate(
          ([name, given, steps]) => (globalThis as unknown as { page: Page }).page.train(name, given, steps),
          [kind, options, STEPS] as const,
        ),
      );
    }
    return results;
  }

  for (const [site, bundleName] of (['plain bundle', 'minified bundle'] as const).entries()) {
    for (const [name, setting] of Object.entries(settings)) {
      it(`${name}, ${bundleName}: starts, gives the goldens' ids and trains as cpu does`, async () => {
        const { engine, path, options } = setting;
        await open(path, site as 0 | 1);
        const report = await start(setting);
        expect(report).toMatchObject({ backend: engine, isolated: path === 'isolated' });
        if (engine === 'wasm') expect(report.threads).toBe(options?.threads ?? 1);
        if (engine !== 'cpu') expect(report.fused).toBeGreaterThan(0);
        for (const [kind, cases] of Object.entries(goldens)) {
          expect(cases.length).toBeGreaterThan(0);
          for (const golden of cases) {
            const subject: Case = { kind, options: camelCaseOptions(golden), state: golden.state, x: golden.x };
            const result = await tab.evaluate(
              (given) => (globalThis as unknown as { page: Page }).page.quantize(given),
              subject,
            );
            await expectSame(result.ids, golden.indices.data);
            await expectSame(result.encoded, golden.indices.data);
            await expectClose(result.quantized, golden.quantized.data, tolerances.float32);
            await expectSame(result.decoded, result.quantized);
          }
        }
        for (const [i, { losses, scale }] of (await trained()).entries()) {
          expect(losses.at(-1)).toBeLessThan(losses[0] as number);
          await expectClose(losses, expectedRuns[i]?.losses ?? [], tolerances.training);
          await expectClose(scale, expectedRuns[i]?.scale ?? [], tolerances.training);
        }
      });
    }
  }
  it('names the address, what came from there and the fix, where .wasm files are not served', async () => {
    for (const [path, options] of [
      ['plain', { wasmPaths: 'nowhere/' }],
      ['isolated', { wasmPaths: '/nowhere/', threads: 2 }],
    ] as const) {
      await open(path, 0);
      const file = `tfjs-backend-wasm-${path === 'isolated' ? 'threaded-' : ''}simd.wasm`;
      await expect(start({ engine: 'wasm', path, options })).rejects.toThrow(
        `init: wasmPaths must lead to the WebAssembly of @tensorflow/tfjs-backend-wasm 4.22.0, got from ${sites[0]?.address}/nowhere/${file}: status 404, no content type, 0 bytes that begin with "". Leave wasmPaths out`,
      );
      if (path === 'plain') await tab.close();
    }
  });
});
