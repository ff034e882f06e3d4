/** What we use of tfjs's build for shared memory. */
export interface ThreadedModule {
  readonly wasmMemory: WebAssembly.Memory;
  cwrap(name: string, result: string | null, args: string[]): (...args: number[]) => number;
  tfjs?: object;
}

export type ThreadedFactory = (config: object) => Promise<ThreadedModule>;

/**
 * Starts tfjs-backend-wasm's build for shared memory as tfjs's own init() does, but with idle stand-ins for the eight workers that it starts
 * for XNNPACK: our kernels do that work on our threads. tfjs would make those workers from the text of its own function, which breaks
 * when a minifier has moved a part of it elsewhere, and then waits for them for ever.
 *
 * @param wasmPath of `tfjs-backend-wasm-threaded-simd.wasm`.
 */
export async function startThreadedBuild(
  factory: ThreadedFactory,
  script: string,
  wasmPath: string,
): Promise<ThreadedModule> {
  const scope = globalThis as { Worker?: unknown };
  const before = Object.getOwnPropertyDescriptor(scope, 'Worker');
  let loading: Promise<ThreadedModule>;
  try {
    loading = factory({
      mainScriptUrlOrBlob: script,
      locateFile: (file: string) => {
        // Called just before each `new Worker(file)`; in Node, after the factory has put Node's Worker into the global scope.
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
