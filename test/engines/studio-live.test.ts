import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { init } from '@vqkit/backend-wasm';
import { type Studio, serveStudio } from '@vqkit/studio';
import { createConfig, readSnapshot, train } from '@vqkit/train';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, launch, required } from './chromium.ts';
import { expectText, openPage, PATIENT } from './studio-page.ts';

const missing = executablePath === undefined;

describe.skipIf(missing && !required)(
  missing ? 'following runs in the studio: skipped, no Chromium is installed' : 'following runs in the studio',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'vqkit-live-'));
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    let browser: Browser;
    let studio: Studio;

    beforeAll(async () => {
      await init({ threads: 1 });
      browser = await launch();
    });
    afterAll(async () => {
      await browser?.close();
      studio?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    it('shows a run from its first step to its last, beside another that is damaged and vanishes', async () => {
      for (const path of [first, second]) mkdirSync(path);
      writeFileSync(join(second, 'config.json'), '{"quantizer":"<img src=x onerror=alert(1)>","steps":5}');
      writeFileSync(join(second, 'metrics.jsonl'), 'no JSON\n');
      writeFileSync(join(first, 'config.json'), '{');
      // A browser has six connections to a server at most.
      const more = ['c', 'd', 'e', 'f', 'g', 'h'].map((name) => join(folder, name));
      for (const path of more) {
        mkdirSync(path);
        writeFileSync(join(path, 'config.json'), '{"quantizer":"fsq"}');
      }
      // As earlier versions wrote it.
      const old = { count: 0, shape: [2], originals: [], reconstructions: [], ids: [] };
      const codebooks = [{ codebookSize: 4, codes: [1], counts: [5], lastUsed: [1] }];
      const snapshot = { formatVersion: 1, step: 1, codebooks, diagnoses: [], examples: old };
      writeFileSync(join(more[0] ?? '', 'snapshot.json'), JSON.stringify(snapshot));
      studio = await serveStudio({ paths: [first, second, ...more], port: 0 });
      const { tab, errors } = await openPage(browser, studio.address);
      const [one, two] = ['article >> nth=0', 'article >> nth=1'];
      await expectText(tab, `${two} >> .state`, /metrics\.jsonl has damage/);
      await expectText(tab, `${two} >> .facts`, /^<img src=x/);
      expect(await tab.locator('main img').count()).toBe(0);
      await expectText(tab, 'article >> nth=2 >> .histograms', /^Angles and shares of the limit were not recorded/);
      await expectText(tab, `${one} >> .state`, /config\.json/);

      rmSync(first, { recursive: true });
      await expectText(tab, `${one} >> .state`, /^vanished/);
      const options = {
        quantizer: 'vq',
        engine: 'wasm',
        steps: 6,
        batchSize: 8,
        logEvery: 1,
        validateEvery: 2,
        validationSize: 40,
      } as const;
      await train(createConfig({ ...options, outDir: first }));
      await expectText(tab, `${one} >> .state`, /^finished/);
      await expectText(tab, `${one} >> .now`, /^Step 6 of 6, loss .* codes used/);
      await expectText(tab, `${one} >> .facts`, /^vq on mnist, 8 a batch, wasm\.$/);
      await expect
        .poll(() => tab.getAttribute(`${one} >> .chart >> nth=0`, 'aria-label'), PATIENT)
        .toMatch(/^Loss: loss [\d.]+/);
      expect(await tab.locator(`${one} >> .examples .example`).count()).toBe(24);
      expect(await tab.$eval(`${one} >> .codes`, (canvas) => (canvas as HTMLCanvasElement).width)).toBe(16);
      const labels = await tab.$$eval(`${one} >> .histograms canvas`, (all) =>
        all.map((canvas) => canvas.getAttribute('aria-label')),
      );
      expect(labels).toEqual([expect.stringMatching(/^Angles between .* of \d+ latents .* beyond the line at 90°\.$/)]);
      await tab.focus(`${one} >> .codes`);
      await tab.keyboard.press('ArrowRight');
      await expectText(tab, one, /Code 1: (never used|\d+ uses, last at step \d)/);
      const [{ codes = [] } = {}] = (await readSnapshot(first)).codebooks;
      const { ids } = (await readSnapshot(first)).examples;
      const seen = codes.find((code) => ids.includes(code)) ?? 0;
      for (let code = 1; code < seen; code++) await tab.keyboard.press('ArrowRight');
      const wanted = seen === 0 ? 1 : seen;
      await expectText(tab, one, new RegExp(`Code ${wanted}: `));
      const places = Math.min(12, ids.filter((id) => id === wanted).length);
      expect(await tab.locator(`${one} >> .places canvas`).count()).toBe(places);
      await expectText(tab, `${one} >> .diagnoses`, /[Ss]tep/);

      rmSync(second, { recursive: true });
      await expectText(tab, `${two} >> .state`, /^vanished/);
      mkdirSync(second);
      writeFileSync(join(second, 'config.json'), '{"quantizer":"fsq","steps":5}');
      appendFileSync(join(second, 'metrics.jsonl'), '');
      await expectText(tab, `${two} >> .state`, /^not finished/);

      await tab.click('nav >> text=Try');
      await expectText(tab, '#status', /WebAssembly, .* 49 tokens/);
      expect(errors).toEqual([]);
      await tab.close();
    });

    it('tells a page that the server has ended', async () => {
      const { tab } = await openPage(browser, `${studio.address}/#live`);
      await expectText(tab, 'article >> nth=0 >> .state', /^finished/);
      studio.close();
      await expectText(tab, 'article >> nth=0 >> .state', /^The server does not answer/);
      await tab.close();
    });
  },
);
