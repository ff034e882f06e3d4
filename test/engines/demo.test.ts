import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { init } from '@vqkit/backend-wasm';
import { type Demo, serveDemo } from '@vqkit/demo';
import { createImageTokenizer, type ImageTokenizer, imagesFromPixels, saveTokenizer } from '@vqkit/tokenizer';
import type { Browser, Page as Tab } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { executablePath, launch, required } from './chromium.ts';

/** A busy machine may take a minute to start WebGPU, which a processor plays here. */
const PATIENT = { timeout: 100_000 };
const missing = executablePath === undefined;

describe.skipIf(missing && !required)(missing ? 'the demo: skipped, no Chromium is installed' : 'the demo', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vqkit-demo-'));
  let browser: Browser;
  let demo: Demo;
  let tokenizer: ImageTokenizer;
  let tab: Tab;
  const errors: string[] = [];

  beforeAll(async () => {
    await init({ threads: 1 });
    tokenizer = createImageTokenizer({ quantizer: 'fsq', seed: 1 });
    const file = join(folder, 'digits.safetensors');
    writeFileSync(file, await saveTokenizer(tokenizer));
    demo = await serveDemo({ tokenizer: file, port: 0 });
    browser = await launch();
  });

  beforeEach(async () => {
    tab = await browser.newPage();
    tab.on('pageerror', (error) => errors.push(error.message));
    tab.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await tab.goto(demo.address);
    await status(/WebAssembly, \d+ threads?: .* ms\./);
  });

  afterEach(async () => {
    expect(errors).toEqual([]);
    await tab.close();
  });

  afterAll(async () => {
    await browser?.close();
    demo?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const status = async (wanted: RegExp): Promise<void> => {
    await expect.poll(() => tab.textContent('#status'), PATIENT).toMatch(wanted);
  };
  const shownIds = (): Promise<number[]> =>
    tab.$$eval('#ids td', (cells) => cells.map((cell) => Number((cell as HTMLElement).title)));

  /** What Node's wasm engine makes of what stands on the page's canvas. */
  const idsInNode = async (size: number): Promise<number[]> => {
    const pixels = await tab.evaluate((side) => {
      const canvas = Object.assign(document.createElement('canvas'), { width: side, height: side });
      const context = canvas.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D;
      context.imageSmoothingQuality = 'high';
      context.drawImage(document.getElementById('drawing') as HTMLCanvasElement, 0, 0, side, side);
      return [...context.getImageData(0, 0, side, side).data];
    }, size);
    const images = imagesFromPixels(Uint8Array.from(pixels), { height: size, width: size, channels: 4, to: 1 });
    return [...(await tokenizer.encode(images).data())];
  };

  const draw = async (): Promise<void> => {
    const box = (await tab.locator('#drawing').boundingBox()) as { x: number; y: number };
    await tab.mouse.move(box.x + 60, box.y + 60);
    await tab.mouse.down();
    await tab.mouse.move(box.x + 200, box.y + 80, { steps: 4 });
    await tab.mouse.move(box.x + 90, box.y + 220, { steps: 4 });
    await tab.mouse.up();
  };

  it('says what the tokenizer is, and runs it with threads', async () => {
    expect(await tab.textContent('#facts')).toBe('fsq: 240 codes, 7.91 bits per token, a token for 4 × 4 pixels.');
    expect(await tab.evaluate(() => globalThis.crossOriginIsolated)).toBe(true);
    expect(await tab.textContent('#status')).toMatch(/ 49 tokens, 387 bits for 6272\.$/);
  });

  it('shows the ids of what is drawn, those of Node, and what they give back', async () => {
    const blank = await shownIds();
    expect(blank.length).toBe(49);
    expect(blank).toEqual(await idsInNode(28));
    await draw();
    const drawn = await idsInNode(28);
    expect(drawn).not.toEqual(blank);
    await expect.poll(shownIds, PATIENT).toEqual(drawn);
    const painted = await tab.$eval('#decoded', (canvas) => {
      const { width, height } = canvas as HTMLCanvasElement;
      const context = (canvas as HTMLCanvasElement).getContext('2d') as CanvasRenderingContext2D;
      return new Set(context.getImageData(0, 0, width, height).data).size;
    });
    expect(painted).toBeGreaterThan(3);
    await tab.click('#clear');
    await expect.poll(shownIds, PATIENT).toEqual(blank);
  });

  it('takes a picture from a file, in another size', async () => {
    const png =
      'iVBORw0KGgoAAAANSUhEUgAAAAYAAAAECAIAAAAiZtkUAAAAGElEQVR4nGNkYDihwcCAjFgYbBjQAHFCAIhIAlJcxpDuAAAAAElFTkSuQmCC';
    await tab.setInputFiles('#file', { name: 'a.png', mimeType: 'image/png', buffer: Buffer.from(png, 'base64') });
    await tab.selectOption('#size', '64');
    await status(/256 tokens/);
    await expect.poll(shownIds, PATIENT).toEqual(await idsInNode(64));
    const shown = await shownIds();
    await tab.setInputFiles('#file', { name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') });
    await status(/^a\.txt is no picture that can be decoded\. Choose a PNG or JPEG\.$/);
    expect(await shownIds()).toEqual(shown);
  });

  it('runs on WebGPU when it is chosen, with nearly the same ids', async () => {
    await draw();
    await expect.poll(shownIds, PATIENT).toEqual(await idsInNode(28));
    const onWasm = await shownIds();
    await tab.selectOption('#engine', 'webgpu');
    await status(/^WebGPU: .* ms\./);
    const onWebgpu = await shownIds();
    expect(onWebgpu.filter((id, i) => id !== onWasm[i]).length).toBeLessThanOrEqual(1);
  });
});
