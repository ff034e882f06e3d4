import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publishedSound } from '@vqkit/testing/published-models';
import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { executablePath, launch, required, serve } from './chromium.ts';

const codecs = fileURLToPath(new URL('../../packages/codecs/', import.meta.url));
const missing = executablePath === undefined;
const title = missing ? 'onnxruntime in Chromium: skipped, none is installed' : 'onnxruntime in Chromium';

interface Heard {
  readonly ids: number[][];
  readonly sound: number[];
}

/** The program of the README, for a wave; what it makes is left as `heard`. */
async function bundleReadme(wave: Float32Array): Promise<string> {
  const [, program] =
    /```js\n([^`]*onnxruntime-web.*?)```/s.exec(readFileSync(join(codecs, 'README.md'), 'utf8')) ?? [];
  const contents = `const wave = Float32Array.of(${wave.join()});
${program}
globalThis.heard = { ids: ids.map((layer) => [...layer]), sound: [...sound] };`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    alias: { '@vqkit/codecs': join(codecs, 'dist/index.js') },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

describe.skipIf(missing && !required)(title, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vqkit-onnxruntime-'));
  const runtime = createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm');
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  it.each(['dac', 'snac'] as const)(
    "runs a %s between the README's lines: the ids of the Python model, and its sound",
    async (model) => {
      const { file, encoder, decoder, wave, ids, sound } = publishedSound(model);
      const quantizer = join(folder, `${model}.safetensors`);
      writeFileSync(quantizer, file);
      const site = await serve(await bundleReadme(wave), [
        ['/quantizer.safetensors', quantizer],
        ['/encoder.onnx', encoder],
        ['/decoder.onnx', decoder],
        ['/page/ort-wasm-simd-threaded.wasm', runtime],
      ]);
      const tab = await browser.newPage();
      const failed = new Promise<never>((_, reject) => tab.on('pageerror', reject));
      await tab.goto(`${site.address}/plain`);
      const heard = tab.waitForFunction(() => (globalThis as unknown as { heard?: Heard }).heard);
      const result = (await (await Promise.race([heard, failed])).jsonValue()) as Heard;
      await tab.close();
      site.close();
      expect(result.ids).toEqual(ids.map((layer) => [...layer]));
      expect(result.sound).toHaveLength(sound.length);
      for (const [i, value] of result.sound.entries())
        expect(Math.abs(value - (sound[i] as number))).toBeLessThan(1e-4);
    },
  );
});
