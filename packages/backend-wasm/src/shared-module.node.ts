import { createRequire } from 'node:module';

const THREADED = '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd';

type Factory = (config: object) => Promise<EmscriptenModule>;

interface EmscriptenModule {
  readonly wasmMemory: WebAssembly.Memory;
  cwrap(name: string, result: string | null, args: string[]): (...args: number[]) => number;
  tfjs?: object;
}

/**
 * tfjs-backend-wasm's build for shared memory. tfjs itself does not offer it in Node; this is what its init() does with it in a
 * browser. The build starts eight workers of its own for XNNPACK; they would hold the process open and do nothing, because our
 * kernels do that work on our threads, so it is given idle stand-ins.
 */
export async function loadSharedModule(): Promise<EmscriptenModule> {
  const require = createRequire(import.meta.url);
  const factory = require(`${THREADED}.js`) as Factory;
  const wasmPath = require.resolve(`${THREADED}.wasm`);
  const scope = globalThis as { Worker?: unknown };
  const before = Object.getOwnPropertyDescriptor(scope, 'Worker');
  let loading: Promise<EmscriptenModule>;
  try {
    loading = factory({
      mainScriptUrlOrBlob: `${THREADED}.js`,
      locateFile: (file: string) => {
        // Called just before each `new Worker(file)`, after the factory has put Node's Worker into the global scope.
        if (file.endsWith('.worker.js')) scope.Worker = IdleWorker;
        return file.endsWith('.wasm') ? wasmPath : file;
      },
    });
  } finally {
    if (before === undefined) delete scope.Worker;
    else Object.defineProperty(scope, 'Worker', before);
  }
  const module = await loading;
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
