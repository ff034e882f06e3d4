import { version_wasm } from '@tensorflow/tfjs-backend-wasm';
import plainFactory from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js';
import threadedFactory from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js';
import { phrase, UnsupportedError } from '@vqkit/core-tensor';
import { inflate } from './embedded.ts';

/** What we use of tfjs's WebAssembly module, beside what engine.ts does. */
export interface TfjsModule {
  cwrap(name: string, result: string | null, args: string[]): (...args: number[]) => number;
  tfjs?: object;
}

type Factory = (config: object) => Promise<TfjsModule>;

interface Build {
  readonly file: string;
  readonly factory: Factory;
  readonly embedded: () => Promise<{ base64: string }>;
}

const PLAIN: Build = {
  file: 'tfjs-backend-wasm-simd.wasm',
  factory: plainFactory as unknown as Factory,
  embedded: () => import('#tfjs-simd'),
};
const THREADED: Build = {
  file: 'tfjs-backend-wasm-threaded-simd.wasm',
  factory: threadedFactory as unknown as Factory,
  embedded: () => import('#tfjs-threaded-simd'),
};

/**
 * Starts tfjs-backend-wasm's module, plain or for shared memory, as tfjs's own init() does, but for two things. Its bytes come with this package,
 * unless `wasmPaths` says where they are served. And the build for shared memory gets idle stand-ins for the eight workers that it
 * starts for XNNPACK: our kernels do that work on our threads. tfjs would make those workers from the text of its own function, which
 * breaks when a minifier has moved a part of it elsewhere, and then waits for them for ever; in Node it does not offer that build at all.
 */
export async function startTfjsModule(shared: boolean, wasmPaths: string | undefined): Promise<TfjsModule> {
  const { file, factory, embedded } = shared ? THREADED : PLAIN;
  const wasmBinary =
    wasmPaths === undefined ? await inflate((await embedded()).base64) : await fetched(wasmPaths, file);
  const module = await withIdleWorkers(() =>
    factory({ wasmBinary, locateFile: (name: string) => name, mainScriptUrlOrBlob: file }),
  );
  const number = 'number';
  module.tfjs = {
    init: module.cwrap('init', null, []),
    initWithThreadsCount: module.cwrap('init_with_threads_count', null, [number]),
    getThreadsCount: module.cwrap('get_threads_count', number, []),
    registerTensor: module.cwrap('register_tensor', null, [number, number, number]),
    disposeData: module.cwrap('dispose_data', null, [number]),
    dispose: module.cwrap('dispose', null, []),
  };
  return module;
}

/** Runs `start` while whoever makes a worker gets one that idles, even after putting another kind into the global scope, as `start` does in Node. */
function withIdleWorkers<T>(start: () => T): T {
  const scope = globalThis as { Worker?: unknown };
  const before = Object.getOwnPropertyDescriptor(scope, 'Worker');
  Object.defineProperty(scope, 'Worker', { configurable: true, get: () => IdleWorker, set: () => undefined });
  try {
    return start();
  } finally {
    if (before === undefined) delete scope.Worker;
    else Object.defineProperty(scope, 'Worker', before);
  }
}

/** The first bytes of every WebAssembly module: "\0asm". */
const MAGIC = [0, 97, 115, 109];

/** Fetches a .wasm file that the user serves. A server that does not have it often answers with a page of HTML. */
async function fetched(wasmPaths: string, file: string): Promise<Uint8Array<ArrayBuffer>> {
  let url = `${wasmPaths}${file}`;
  let got: string;
  try {
    url = new URL(url, (globalThis as { location?: { href: string } }).location?.href).href;
    const response = await fetch(url, { credentials: 'same-origin' });
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (response.ok && MAGIC.every((byte, i) => bytes[i] === byte)) return bytes;
    const start = new TextDecoder().decode(bytes.subarray(0, 40)).replace(/[^\x20-\x7e]+/g, ' ');
    const type = response.headers.get('Content-Type') ?? 'no content type';
    got = `status ${response.status}, ${type}, ${bytes.length} bytes that begin with ${JSON.stringify(start)}`;
  } catch (error) {
    got = String(error);
  }
  throw new UnsupportedError(
    'init',
    'wasmPaths',
    `lead to the WebAssembly of @tensorflow/tfjs-backend-wasm ${version_wasm}`,
    phrase(`from ${url}: ${got}`),
    `Leave wasmPaths out, since this package brings those files along, or serve ${file} at that address.`,
  );
}

/** Says that it has loaded, and never works. */
class IdleWorker {
  onmessage: ((message: { data: object }) => void) | undefined;
  on(): void {}
  ref(): void {}
  unref(): void {}
  terminate(): void {}
  postMessage({ cmd }: { cmd: string }): void {
    if (cmd === 'load') queueMicrotask(() => this.onmessage?.({ data: { cmd: 'loaded' } }));
  }
}
