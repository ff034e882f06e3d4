import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tensor2d } from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { decodeSafetensors } from '@vqkit/checkpoint';
import { type Studio, serveStudio } from '@vqkit/studio';
import {
  createImageTokenizer,
  createVectorTokenizer,
  type ImageTokenizer,
  imagesFromPixels,
  packTokenizer,
  saveTokenizer,
} from '@vqkit/tokenizer';
import type { Browser, Page as Tab } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { executablePath, launch, required } from './chromium.ts';

/** A busy machine may take a minute to start WebGPU, which a processor plays here. */
const PATIENT = { timeout: 100_000 };
const missing = executablePath === undefined;

describe.skipIf(missing && !required)(
  missing ? 'trying a tokenizer in the studio: skipped, no Chromium is installed' : 'trying a tokenizer in the studio',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'vqkit-studio-'));
    let browser: Browser;
    let studio: Studio;
    let tokenizer: ImageTokenizer;
    let tab: Tab;
    const errors: string[] = [];

    beforeAll(async () => {
      await init({ threads: 1 });
      tokenizer = createImageTokenizer({ quantizer: 'fsq', seed: 1 });
      const file = join(folder, 'digits.safetensors');
      writeFileSync(file, await saveTokenizer(tokenizer));
      studio = await serveStudio({ paths: [file], port: 0 });
      browser = await launch();
    });

    beforeEach(async () => {
      tab = await browser.newPage();
      tab.on('pageerror', (error) => errors.push(error.message));
      tab.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text());
      });
      await tab.goto(`${studio.address}/#try`);
      await status(/WebAssembly, \d+ threads?: .* ms\./);
    });

    afterEach(async () => {
      expect(errors).toEqual([]);
      await tab.close();
    });

    afterAll(async () => {
      await browser?.close();
      studio?.close();
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

    it('decodes what an id is changed to, and takes the ids of the picture back', async () => {
      const before = await shownIds();
      await tab.click('#ids td >> nth=8');
      const input = tab.getByLabel('Id of Token in row 2, column 2');
      expect(await input.inputValue()).toBe(String(before[8]));
      const other = before[8] === 239 ? 0 : 239;
      await input.fill(String(other));
      await input.press('Enter');
      await expect.poll(shownIds, PATIENT).toEqual(before.map((id, i) => (i === 8 ? other : id)));
      await input.fill('240');
      await input.press('Enter');
      expect(await input.inputValue()).toBe(String(other));
      await tab.keyboard.press('Shift+Tab');
      await tab.keyboard.press('ArrowRight');
      expect(await tab.getByLabel('Id of Token in row 2, column 3').inputValue()).toBe(String(before[9]));
      await tab.click('#undo');
      await expect.poll(shownIds, PATIENT).toEqual(before);
    });

    it('says why a file is no tokenizer, and takes the next', async () => {
      const open = (name: string, buffer: Buffer): Promise<void> =>
        tab.setInputFiles('#tokenizer', { name, mimeType: 'application/octet-stream', buffer });
      await open('<img src=x onerror=alert(1)>.safetensors', Buffer.from('no tokenizer'));
      await status(/<img src=x/);
      expect(await tab.locator('main img').count()).toBe(0);
      const whole = Buffer.from(await saveTokenizer(tokenizer));
      const nan = Buffer.from(whole);
      nan.fill(0xff, nan.length - 64);
      for (const bytes of [
        nan,
        whole.subarray(0, -9),
        forged(whole, '"fsq"', '"<b>"'),
        forged(whole, '"seed":1', '"seed":9'),
      ]) {
        await open('bad.safetensors', bytes);
        await status(/bad\.safetensors/);
        expect(await tab.textContent('#facts')).toBe('No tokenizer is open.');
      }
      await open('encoder.onnx', Buffer.from([8, 8]));
      await status(/^encoder\.onnx is an ONNX file, which onnxruntime runs\. Open the \.safetensors file/);
      await open('good.safetensors', whole);
      await status(/WebAssembly, .* 49 tokens/);
    });

    it('refuses a file that describes more than it holds, and says where a page shows less than there is', async () => {
      const open = async (name: string, bytes: Uint8Array, wanted: RegExp): Promise<void> => {
        const file = { name: `${name}.safetensors`, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) };
        await tab.setInputFiles('#tokenizer', file);
        await status(wanted);
      };
      const learned = createImageTokenizer({ quantizer: 'vq', seed: 1 });
      const { tensors } = decodeSafetensors(await saveTokenizer(learned));
      const { config } = learned;
      const quantizerOptions = { ...config.quantizerOptions, codebookSize: 2 ** 24 };
      for (const [name, described] of Object.entries({
        wide: { ...config, widths: [2 ** 24, 2 ** 24] },
        large: { ...config, quantizerOptions },
      })) {
        await open(name, packTokenizer(described, tensors), new RegExp(`${name}\\.safetensors`));
        expect(await tab.textContent('#facts')).toBe('No tokenizer is open.');
      }
      const coarse = createImageTokenizer({ quantizer: 'fsq', widths: new Array<number>(9).fill(1) });
      await open('coarse', await saveTokenizer(coarse), /sides are multiples of 512, more than the page offers\.$/);
      const long = createVectorTokenizer({ quantizer: 'fsq', features: 2 ** 20, hidden: [1] });
      await open('long', await saveTokenizer(long), /ms\. 1 vector\.$/);
      expect(await tab.locator('#decoded tr').count()).toBe(33);
      const many = createImageTokenizer({
        quantizer: 'residual-fsq',
        quantizerOptions: { levels: [5, 5], numQuantizers: 900 },
      });
      await open('many', await saveTokenizer(many), /49 tokens, \d+ bits/);
      await tab.click('#ids td >> nth=0');
      expect(await tab.locator('#edit input').count()).toBe(16);
    });

    it('encodes rows of a tokenizer of vectors as Node does, and decodes changed ids', async () => {
      const vectors = createVectorTokenizer({ quantizer: 'residual-vq', features: 3, hidden: [8], seed: 2 });
      const bytes = Buffer.from(await saveTokenizer(vectors));
      await tab.setInputFiles('#tokenizer', {
        name: 'v.safetensors',
        mimeType: 'application/octet-stream',
        buffer: bytes,
      });
      await status(/4 vectors\./);
      const rows = [
        [0.5, -1, 2],
        [3, 0, 0.25],
      ];
      await tab.fill('#rows', JSON.stringify(rows).slice(1, -1).replaceAll(/[[\]]/g, ' '));
      await tab.locator('#rows').blur();
      await status(/2 vectors\./);
      const ids = [...(await vectors.encode(tensor2d(rows)).data())];
      const titles = (): Promise<number[]> =>
        tab.$$eval('#ids td', (cells) => cells.map((cell) => Number((cell as HTMLElement).title)));
      expect(await titles()).toEqual(ids);
      const error = (): Promise<string | null> => tab.textContent('#decoded caption');
      const own = await error();
      await tab.getByLabel('Id 1 of Vector 1').fill(String(((ids[0] ?? 0) + 1) % vectors.codebookSize));
      await tab.getByLabel('Id 1 of Vector 1').press('Enter');
      await expect.poll(error, PATIENT).not.toBe(own);
      await tab.fill('#rows', '1, 2');
      await tab.locator('#rows').blur();
      await status(/must hold rows of 3 numbers, got 2 numbers/);
    });

    it('says that the graphics processor was lost, and starts again', async () => {
      await tab.selectOption('#engine', 'webgpu');
      await status(/^WebGPU in software .*: .* ms\./);
      const session = await browser.newBrowserCDPSession();
      await session.send('Browser.crashGpuProcess').catch(() => undefined);
      await tab.click('#clear');
      await status(/lost/);
      await tab.selectOption('#engine', 'wasm');
      await status(/WebAssembly, .* 49 tokens/);
      // The browser's own report of its process.
      errors.length = 0;
    });

    it('runs on WebGPU when it is chosen, with nearly the same ids', async () => {
      await draw();
      await expect.poll(shownIds, PATIENT).toEqual(await idsInNode(28));
      const onWasm = await shownIds();
      await tab.selectOption('#engine', 'webgpu');
      await status(/^WebGPU in software .*: .* ms\./);
      const onWebgpu = await shownIds();
      expect(onWebgpu.filter((id, i) => id !== onWasm[i]).length).toBeLessThanOrEqual(1);
    });
  },
);

/** A file with another text of the same length in its header. */
function forged(file: Buffer, text: string, other: string): Buffer {
  const at = file.indexOf(JSON.stringify(text).slice(1, -1));
  const copy = Buffer.from(file);
  copy.write(JSON.stringify(other).slice(1, -1), at);
  return copy;
}
