import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Studio, serveStudio, siteFolder } from '@vqkit/studio';
import type { Browser, Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, launch, required } from './chromium.ts';
import { expectText, openPage, PATIENT } from './studio-page.ts';

const missing = executablePath === undefined;

describe.skipIf(missing && !required)(
  missing ? 'training in the studio: skipped, no Chromium is installed' : 'training in the studio',
  () => {
    let browser: Browser;
    let studio: Studio;

    beforeAll(async () => {
      studio = await serveStudio({ port: 0 });
      browser = await launch();
    });
    afterAll(async () => {
      await browser?.close();
      studio?.close();
    });

    const numberIn = async (tab: Tab, pattern: RegExp): Promise<number> =>
      Number(pattern.exec((await tab.textContent('#numbers')) ?? '')?.[1] ?? Number.NaN);
    const step = (tab: Tab): Promise<number> => numberIn(tab, /Step (\d+)/);
    const rms = (tab: Tab): Promise<number> => numberIn(tab, /rms of z ([\d.e+-]+\d)/);

    it('lets the scale of LFQ drift where nothing holds it, says so, and holds it on the sphere', async () => {
      const { tab, errors } = await openPage(browser, `${studio.address}/#play`);
      await expectText(tab, '#status', /^WebAssembly, \d+ threads?$/);
      await tab.click('text=nothing holds it');
      await expect.poll(() => rms(tab), PATIENT).toBeGreaterThan(10);
      await expectText(tab, '#findings', /scale drift: Latents have rms/);
      await tab.click('text=on the sphere');
      await expect.poll(async () => (await step(tab)) > 60 && (await rms(tab)) < 10, PATIENT).toBe(true);
      const [width, colors] = await tab.$eval('#plane', (canvas) => {
        const { width, height } = canvas as HTMLCanvasElement;
        const context = (canvas as HTMLCanvasElement).getContext('2d') as CanvasRenderingContext2D;
        return [width, new Set(new Uint32Array(context.getImageData(0, 0, width, height).data.buffer)).size];
      });
      expect(width).toBe(640);
      expect(colors).toBeGreaterThan(5);
      expect(errors).toEqual([]);
      await tab.close();
    });

    it('goes step by step, by keyboard, and keeps its settings in the address', async () => {
      const address = `${studio.address}/#play?quantizer=simvq&commitmentWeight=1000&rotationTrick=false&codebookSize=99999&seed=x&stream=__proto__&norm=unit`;
      const { tab, errors } = await openPage(browser, address);
      await expectText(tab, '#status', /^WebAssembly/);
      expect(await tab.inputValue('[name=commitmentWeight]')).toBe('1000');
      expect(await tab.isChecked('[name=rotationTrick]')).toBe(false);
      expect(await tab.inputValue('[name=codebookSize]')).toBe('32');
      expect(new URL(tab.url()).hash).toBe('#play?quantizer=simvq&norm=unit&rotationTrick=false&commitmentWeight=1000');
      await tab.focus('#once');
      await tab.keyboard.press('Enter');
      await expect.poll(() => tab.textContent('#pause'), PATIENT).toBe('Go on');
      await tab.waitForTimeout(300);
      const before = await step(tab);
      await tab.keyboard.press('Enter');
      await expect.poll(() => step(tab), PATIENT).toBe(before + 1);
      await tab.fill('[name=codebookSize]', '8');
      await tab.keyboard.press('Enter');
      await expectText(tab, '#numbers', / of 8 codes used/);
      expect(new URL(tab.url()).hash).toMatch(/codebookSize=8/);
      await tab.fill('[name=commitmentWeight]', '1001');
      await tab.keyboard.press('Tab');
      expect(new URL(tab.url()).hash).toMatch(/commitmentWeight=1000/);
      expect(errors).toEqual([]);
      await tab.close();
    });

    it('says which options do not go together, and trains what does', async () => {
      const { tab, errors } = await openPage(browser, `${studio.address}/#play?quantizer=fsq&levels=5,5,5`);
      await expectText(tab, '#status', /draws one codebook of two dimensions .* these options make 1 of 3/);
      await tab.fill('[name=levels]', '3,4');
      await tab.keyboard.press('Enter');
      await expectText(tab, '#numbers', / of 12 codes used/);
      await tab.fill('[name=learningRate]', '1');
      await tab.keyboard.press('Enter');
      await expect.poll(() => step(tab), PATIENT).toBeGreaterThan(3);
      expect(errors).toEqual([]);
      await tab.close();
    });

    it('trains every quantizer of two dimensions on WebGPU', async () => {
      const { tab, errors } = await openPage(browser, `${studio.address}/#play?engine=webgpu&quantizer=vq`);
      await expectText(tab, '#status', /^WebGPU in software/);
      const names = await tab.$$eval('[name=quantizer] option', (options) =>
        options.map((option) => (option as HTMLOptionElement).value),
      );
      expect(names.length).toBeGreaterThanOrEqual(4);
      for (const name of names) {
        await tab.selectOption('[name=quantizer]', name);
        await expect.poll(() => new URL(tab.url()).hash).toMatch(new RegExp(`quantizer=${name}&engine=webgpu`));
        // Enough steps that the next start is seen among them.
        await expect.poll(() => step(tab), PATIENT).toBeLessThan(20);
        await expect.poll(() => step(tab), PATIENT).toBeGreaterThan(20);
      }
      expect(errors).toEqual([]);
      await tab.close();
    });

    it('says that the graphics processor was lost, and starts again', async () => {
      const { tab } = await openPage(browser, `${studio.address}/#play?engine=webgpu&quantizer=fsq`);
      await expect.poll(() => step(tab), PATIENT).toBeGreaterThan(1);
      const session = await browser.newBrowserCDPSession();
      await session.send('Browser.crashGpuProcess').catch(() => undefined);
      await expectText(tab, '#status', /lost/);
      expect(await tab.textContent('#pause')).toBe('Go on');
      await tab.selectOption('#engine', 'wasm');
      await expectText(tab, '#status', /^WebAssembly/);
      await expect.poll(() => step(tab), PATIENT).toBeGreaterThan(2);
      await tab.close();
    });

    it('says so where there is no WebGPU, and goes on with WebAssembly', async () => {
      const without = async (tab: Tab): Promise<void> => {
        await tab.route('**/engine.js', async (route) => {
          const response = await route.fetch();
          const none = "Object.defineProperty(navigator, 'gpu', { value: undefined });";
          await route.fulfill({ response, body: none + (await response.text()) });
        });
      };
      const { tab, errors } = await openPage(browser, `${studio.address}/#play?engine=webgpu`, without);
      await expectText(tab, '#status', /WebGPU/);
      expect(await tab.$eval('#status', ({ className }) => className)).toBe('problem');
      await tab.selectOption('#engine', 'wasm');
      await expect.poll(() => step(tab), PATIENT).toBeGreaterThan(2);
      expect(errors).toEqual([]);
      await tab.close();
    });

    it('trains from a static folder too, without isolation on one thread, and asks for nothing else', async () => {
      const types: Record<string, string> = {
        html: 'text/html',
        css: 'text/css',
        js: 'text/javascript',
        svg: 'image/svg+xml',
      };
      const server = createServer(({ url = '' }, response) => {
        const name = url === '/' ? 'index.html' : url.slice(1);
        if (!/^[a-z]+\.(html|css|js|svg)$/.test(name)) return response.writeHead(404).end();
        response.writeHead(200, { 'Content-Type': types[name.split('.')[1] ?? ''] });
        return response.end(readFileSync(`${siteFolder()}${name}`));
      });
      await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
      const address = `http://localhost:${(server.address() as AddressInfo).port}`;
      const asked: string[] = [];
      const { tab } = await openPage(browser, address, async (page) => {
        page.on('request', (request) => asked.push(request.url()));
      });
      await expectText(tab, '#status', /^WebAssembly, 1 thread \(the page is not cross-origin isolated\)$/);
      await expect.poll(() => step(tab), PATIENT).toBeGreaterThan(2);
      expect(asked.filter((url) => !url.startsWith(address) && !url.startsWith('blob:'))).toEqual([]);
      await tab.close();
      server.close();
    });

    it('fits a phone, in the dark', async () => {
      const context = await browser.newContext({ viewport: { width: 360, height: 740 }, colorScheme: 'dark' });
      const tab = await context.newPage();
      await tab.goto(`${studio.address}/#play`);
      await expect.poll(() => step(tab), PATIENT).toBeGreaterThan(2);
      const [wide, background] = await tab.evaluate(() => [
        document.documentElement.scrollWidth,
        getComputedStyle(document.body).backgroundColor,
      ]);
      expect(wide).toBeLessThanOrEqual(360);
      expect(background).toBe('rgb(20, 24, 29)');
      await context.close();
    });
  },
);
