import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, chromium } from 'playwright-core';

const EXECUTABLES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser that CHROMIUM names or that is installed; undefined where there is none. */
export const executablePath: string | undefined = [process.env.CHROMIUM ?? '', ...EXECUTABLES].find(existsSync);

/** Whether a missing browser fails the tests. */
export const required: boolean = (process.env.REQUIRE_BACKENDS ?? '').split(',').includes('chromium');

/** WebGPU in software: each flag is needed for an adapter, for reading from it, or against the watchdog that takes slow for hung. */
const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=swiftshader',
  '--disable-gpu-watchdog',
  // A microphone that hears beeps.
  '--use-fake-device-for-media-stream',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
];

/** @throws Error where none is installed. */
export async function launch(): Promise<Browser> {
  if (executablePath === undefined) {
    throw new Error('REQUIRE_BACKENDS names chromium, and none was found. Install it, or set CHROMIUM to its path.');
  }
  return chromium.launch({ executablePath, headless: false, args: FLAGS });
}

/** A page's program as one script. */
export async function bundle(minify: boolean, entry = new URL('./page.ts', import.meta.url)): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    minify,
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

export interface Site {
  /** Address of the page; `/isolated` is the same page, cross-origin isolated. */
  readonly address: string;
  close(): void;
}

/** The files of a folder with this ending, by their addresses. */
function filesIn(folder: string, ending: string, address: string): [address: string, path: string][] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => [`${address}/${name}`, join(folder, name)]);
}

/**
 * Serves an empty page with the script, plain and cross-origin isolated, tfjs's .wasm files under /wasm/, and the goldens under /fixtures/.
 *
 * @param more further files, by their addresses.
 */
export async function serve(script: string, more: readonly [address: string, path: string][] = []): Promise<Site> {
  const wasmFolder = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));
  const goldens = fileURLToPath(new URL('../../packages/testing/fixtures', import.meta.url));
  const files = new Map([
    ...filesIn(wasmFolder, '.wasm', '/wasm'),
    ...filesIn(goldens, '.json', '/fixtures'),
    ...filesIn(`${goldens}/python`, '.safetensors', '/fixtures/python'),
    ...more,
  ]);
  const server = createServer(({ url = '/' }, response) => {
    const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
    const headers = url === '/plain' ? {} : isolation;
    const file = files.get(url);
    if (file !== undefined) {
      const type = url.endsWith('.wasm') ? 'application/wasm' : 'application/json';
      response.writeHead(200, { ...headers, 'Content-Type': type }).end(readFileSync(file));
    } else if (url === '/page/script.js') {
      response.writeHead(200, { ...headers, 'Content-Type': 'text/javascript' }).end(script);
    } else if (url === '/plain' || url === '/isolated') {
      const html =
        '<!doctype html><meta charset="utf-8"><title>vqkit</title><script type="module" src="/page/script.js"></script>';
      response.writeHead(200, { ...headers, 'Content-Type': 'text/html' }).end(html);
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as AddressInfo;
  return { address: `http://localhost:${port}`, close: () => server.close() };
}
