import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tensor3d } from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { encodeWav, readSound } from '@vqkit/data/node';
import { type Studio, serveStudio } from '@vqkit/studio';
import { type AudioTokenizer, createAudioTokenizer, loadTokenizer, saveTokenizer } from '@vqkit/tokenizer';
import { createConfig, readSnapshot, readTokenizer, train } from '@vqkit/train';
import type { Browser, BrowserContext, Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { executablePath, launch, required } from './chromium.ts';
import { expectText, PATIENT } from './studio-page.ts';

const missing = executablePath === undefined;
const RATE = 1000;
const SOUNDS = new URL('../../packages/data/test/sounds/', import.meta.url).pathname;

describe.skipIf(missing && !required)(
  missing ? 'sound in the studio: skipped, no Chromium is installed' : 'sound in the studio',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'vqkit-sound-'));
    const [run, wav] = [join(folder, 'run'), join(folder, 'sounds', '3.wav')];
    let browser: Browser;
    let context: BrowserContext;
    let studio: Studio;
    let tokenizer: AudioTokenizer;

    beforeAll(async () => {
      await init({ threads: 1 });
      mkdirSync(join(folder, 'sounds'));
      for (let clip = 0; clip < 8; clip++) {
        const tone = Float32Array.from({ length: 1200 }, (_, i) => 0.5 * Math.sin(i / (2 + clip)) * Math.sin(i / 90));
        writeFileSync(join(folder, 'sounds', `${clip}.wav`), encodeWav({ sampleRate: RATE, channels: [tone] }));
      }
      const shape = { filters: 2, strides: [2, 5], dilations: [1], seconds: 0.3, sampleRate: RATE };
      const small = { quantizer: 'residual-fsq', steps: 2, batchSize: 4, validateEvery: 1, validationSize: 2 } as const;
      const where = { data: 'audio', dataPath: join(folder, 'sounds'), outDir: run, engine: 'wasm' } as const;
      await train(createConfig({ ...shape, ...small, ...where }));
      tokenizer = loadTokenizer(await readTokenizer(run)) as unknown as AudioTokenizer;
      studio = await serveStudio({ paths: [run], port: 0 });
      browser = await launch();
    });
    afterAll(async () => {
      await browser?.close();
      studio?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    let errors: string[] = [];
    beforeEach(async () => {
      await context?.close();
      errors = [];
    });

    /** A page that notes what it plays: samples, channels, and samples a second as they are heard. */
    const open = async (view: string, permissions: string[] = []): Promise<Tab> => {
      context = await browser.newContext({ permissions });
      const tab = await context.newPage();
      tab.on('pageerror', (error) => errors.push(error.message));
      await tab.addInitScript(() => {
        const { start } = AudioBufferSourceNode.prototype;
        const played: number[][] = [];
        Object.assign(globalThis, { played });
        AudioBufferSourceNode.prototype.start = function (this: AudioBufferSourceNode, ...when) {
          const { length = 0, numberOfChannels = 0, sampleRate = 0 } = this.buffer ?? {};
          played.push([length, numberOfChannels, sampleRate * this.playbackRate.value]);
          start.apply(this, when);
        };
      });
      await tab.goto(`${studio.address}/#${view}`);
      return tab;
    };
    const played = (tab: Tab): Promise<number[][]> =>
      tab.evaluate(() => (globalThis as unknown as { played: number[][] }).played);

    it('shows examples of a run as spectrograms that play, with their tokens, and where a code is heard', async () => {
      const tab = await open('live');
      const { examples, codebooks } = await readSnapshot(run);
      await expect.poll(() => tab.locator('.sounds .sound').count(), PATIENT).toBe(2 * examples.count);
      const strip = tab.locator('.sounds .strip >> nth=0');
      const size = await strip.evaluate((canvas) => {
        const { width, height } = canvas as HTMLCanvasElement;
        return [width, height];
      });
      expect(size).toEqual([30, codebooks.length]);
      await tab.locator('.sounds .sound >> nth=0').focus();
      await tab.keyboard.press('Enter');
      await expect.poll(() => played(tab), PATIENT).toEqual([[300, 1, RATE]]);
      await expect.poll(() => tab.getAttribute('.sounds .sound >> nth=0', 'aria-pressed'), PATIENT).toBe('false');

      const code = examples.ids[0] ?? 0;
      await tab.focus('.codes');
      for (let i = 0; i < code; i++) await tab.keyboard.press('ArrowRight');
      if (code === 0) for (const key of ['ArrowRight', 'ArrowLeft']) await tab.keyboard.press(key);
      await tab.keyboard.press('Enter');
      await expectText(tab, 'article', new RegExp(`Code ${code}: \\d+ uses, .* Held: `));
      const places = tab.locator('.places .sound');
      expect(await places.count()).toBeGreaterThan(0);
      // It is held while the pointer goes over others on its way to them.
      await tab.hover('.codes');
      await expectText(tab, 'article', new RegExp(`Code ${code}: `));
      await places.first().click();
      await expect.poll(async () => (await played(tab)).at(-1)?.slice(1), PATIENT).toEqual([1, RATE]);
      const [samples = 0] = (await played(tab)).at(-1) ?? [];
      expect(samples).toBeGreaterThanOrEqual(100);
      expect(errors).toEqual([]);
    });

    const tokens = async (tab: Tab): Promise<number[][]> => {
      await tab.focus('#ids');
      await tab.keyboard.press('Home');
      const all: number[][] = [];
      for (let count = 1; ; count++) {
        const [, total = '', ids = ''] =
          /^Token \d+ of (\d+), [\d.]+ to [\d.]+ s: (.*)$/.exec(
            (await tab.getAttribute('#ids', 'aria-valuetext')) ?? '',
          ) ?? [];
        all.push(ids.split(', ').map(Number));
        if (count >= Number(total)) return all;
        await tab.keyboard.press('ArrowRight');
      }
    };
    const inNode = async (path: string): Promise<number[][]> => {
      const samples = await readSound(path, tokenizer.config);
      const frames = Math.ceil(samples.length / tokenizer.hop);
      const padded = new Float32Array(frames * tokenizer.hop);
      padded.set(samples.subarray(0, padded.length));
      const ids = [...(await tokenizer.encode(tensor3d(padded, [1, padded.length, 1])).data())];
      const { numCodebooks } = tokenizer;
      return Array.from({ length: frames }, (_, t) => ids.slice(t * numCodebooks, (t + 1) * numCodebooks));
    };

    it('tries the tokenizer: the ids of a WAV are those of Node, and a changed id is heard', async () => {
      const tab = await open('try');
      await expectText(tab, '#facts', /^residual-fsq: 4 × 240 codes, .* a token for 10 samples at 1000 Hz\.$/);
      await expectText(tab, '#status', /WebAssembly, .* 1\.00 s, 100 tokens/);
      await tab.setInputFiles('#file', wav);
      await expectText(tab, '#status', /1\.20 s, 120 tokens, \d+ bits for 19200\.$/);
      expect(await tokens(tab)).toEqual(await inNode(wav));

      await tab.click('#play-given');
      await expect.poll(() => played(tab), PATIENT).toEqual([[1200, 1, RATE]]);
      await tab.focus('#ids');
      await tab.keyboard.press('Home');
      for (let i = 0; i < 50; i++) await tab.keyboard.press('ArrowRight');
      const input = tab.getByLabel('Id 1 of Token 51, 0.500 to 0.510 s');
      const id = Number(await input.inputValue());
      await input.fill(String((id + 120) % 240));
      await input.press('Enter');
      await expectText(tab, '#change', /^The sound changes from 0\.[3-5]\d+ to 0\.[5-6]\d+ s\.$/);
      await tab.click('#play-edited');
      await expect.poll(async () => (await played(tab)).at(-1), PATIENT).toEqual([1200, 1, RATE]);
      await tab.click('#play-token');
      await expect.poll(async () => (await played(tab)).at(-1), PATIENT).toEqual([200, 1, RATE]);
      await tab.click('#undo');
      expect(await tab.textContent('#change')).toBe('');
      expect(await tab.isVisible('#play-edited')).toBe(false);
      expect(await tokens(tab)).toEqual(await inNode(wav));
      expect(errors).toEqual([]);
    });

    it('takes other formats by the browser, WAV at other rates as vqkit encode does, and names what is no sound', async () => {
      const tab = await open('try');
      await expectText(tab, '#status', /100 tokens/);
      const tone = join(SOUNDS, 'tone-24.wav');
      await tab.setInputFiles('#file', tone);
      await expectText(tab, '#status', /0\.10 s, 10 tokens/);
      expect(await tokens(tab)).toEqual(await inNode(tone));
      await tab.setInputFiles('#file', join(SOUNDS, 'tone.flac'));
      await expectText(tab, '#status', /0\.50 s, 50 tokens/);
      const long = encodeWav({ sampleRate: RATE, channels: [new Float32Array(12_000)] });
      const file = { name: 'long.wav', mimeType: 'audio/wav', buffer: Buffer.from(long) };
      await tab.setInputFiles('#file', file);
      await expectText(tab, '#status', /10\.00 s, 1000 tokens, .* Only the first 10\.0 s are taken\.$/);
      const cut = readFileSync(wav).subarray(0, 30);
      for (const [buffer, message] of [
        [
          Buffer.from('no sound'),
          /^<b>\.wav is no sound that this browser can decode\. Choose a WAV, FLAC, Ogg or MP3\.$/,
        ],
        [Buffer.concat([cut, Buffer.alloc(9)]), /^<b>\.wav is not to be read: a WAV/],
      ] as const) {
        await tab.setInputFiles('#file', { name: '<b>.wav', mimeType: 'audio/wav', buffer });
        await expectText(tab, '#status', message);
      }
      expect(await tab.locator('main b').count()).toBe(0);
      const endless = createAudioTokenizer({ quantizer: 'fsq', filters: 1, strides: [64, 64, 64], dilations: [1] });
      const buffer = Buffer.from(await saveTokenizer(endless));
      await tab.setInputFiles('#tokenizer', { name: 'endless.safetensors', mimeType: '', buffer });
      await expectText(tab, '#status', /stands for 262144 samples, 16\.4 s, more than the page takes\.$/);
      expect(errors).toEqual([]);
    });

    it('records, or says that the browser gives no microphone', async () => {
      const tab = await open('try', ['microphone']);
      await expectText(tab, '#status', /100 tokens/);
      await tab.click('#record');
      await expectText(tab, '#record', /^Stop recording$/);
      await tab.waitForTimeout(400);
      await tab.click('#record');
      await expectText(tab, '#record', /^Record$/);
      await expect.poll(() => tab.textContent('#status'), PATIENT).toMatch(/ 0\.[1-9]\d s, \d+ tokens/);
      await context.clearPermissions();
      await tab.click('#record');
      await expectText(tab, '#status', /gives no microphone/);
      expect(errors).toEqual([]);
    });
  },
);
