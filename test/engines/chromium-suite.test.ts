import { fullRun, titleIf } from '@vqkit/testing';
import type { Browser, Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, launch, required, type Site, serve } from './chromium.ts';
import { bundleSuite, testFiles } from './suite/bundle.ts';
import type { Outcome } from './suite/vitest.ts';

const missing = executablePath === undefined;
const title = missing ? 'the suite in Chromium: skipped, none is installed' : 'the suite in Chromium';

/** The engines of a page, and whether they need it to be cross-origin isolated. */
const SETTINGS = { wasm: 'plain', 'wasm-threads': 'isolated', webgpu: 'plain' } as const;

interface Suite {
  run(engine: string, path: string): Promise<Outcome>;
}

describe.skipIf(missing && !required)(title, () => {
  let browser: Browser;
  let site: Site;

  beforeAll(async () => {
    browser = await launch();
    site = await serve(await bundleSuite());
  });

  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  it('has the tests of kernels, quantizers, goldens and gradients', () => {
    for (const name of [
      'core-tensor/test/kernels/nearest-code',
      'fsq/test/contract',
      'lfq/test/goldens',
      'vq/test/vq',
      'residual/test/contract',
      'tokenizer/test/image-tokenizer',
    ]) {
      expect(testFiles).toContain(`packages/${name}.test.ts`);
    }
  });

  for (const [place, [engine, path]] of Object.entries(SETTINGS).entries()) {
    describe(`on ${engine}`, () => {
      let tab: Tab;

      beforeAll(async () => {
        tab = await browser.newPage();
        await tab.goto(`${site.address}/${path}`);
      });

      afterAll(() => tab?.close());

      for (const [i, file] of testFiles.entries()) {
        // The short run takes the settings in turn.
        const chosen = fullRun || (i + place) % Object.keys(SETTINGS).length === 0;
        it.skipIf(!chosen)(titleIf(chosen, `passes ${file}`), async () => {
          const { passed, failed } = await tab.evaluate(
            ([name, given]) => (globalThis as unknown as { suite: Suite }).suite.run(name, given),
            [engine, file] as const,
          );
          expect(failed).toEqual([]);
          expect(passed).toBeGreaterThan(0);
        });
      }
    });
  }
});
