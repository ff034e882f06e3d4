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
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
];

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath, headless: false, args: FLAGS });
}

/** The page's program as one script. */
export async function bundle(minify: boolean): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./page.ts', import.meta.url))],
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

/** Serves an empty page with the script, plain and cross-origin isolated, and tfjs's .wasm files under /wasm/. */
export async function serve(script: string): Promise<Site> {
  const wasmFolder = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));
  const files = new Map(
    readdirSync(wasmFolder)
      .filter((name) => name.endsWith('.wasm'))
      .map((name) => [`/wasm/${name}`, join(wasmFolder, name)]),
  );
  const server = createServer(({ url = '/' }, response) => {
    const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
    const headers = url === '/plain' ? {} : isolation;
    const file = files.get(url);
    if (file !== undefined) {
      response.writeHead(200, { ...headers, 'Content-Type': 'application/wasm' }).end(readFileSync(file));
    } else if (url === '/script.js') {
      response.writeHead(200, { ...headers, 'Content-Type': 'text/javascript' }).end(script);
    } else if (url === '/plain' || url === '/isolated') {
      const html = '<!doctype html><meta charset="utf-8"><title>vqkit</title><script src="/script.js"></script>';
      response.writeHead(200, { ...headers, 'Content-Type': 'text/html' }).end(html);
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as AddressInfo;
  return { address: `http://localhost:${port}`, close: () => server.close() };
}
