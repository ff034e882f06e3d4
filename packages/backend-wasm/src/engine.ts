import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { DataType, TensorInfo, TypedArray } from '@tensorflow/tfjs-core';
import { phrase, UnsupportedError } from '@vqkit/core-tensor';
import { startPool } from '#platform';
import { inflate } from './embedded.ts';
import { guardAllocator, type TfjsModule } from './guard.ts';
import type { Pool } from './pool.ts';

/** A function of assembly/: pointers and integers; those with units of work end in (begin, end, worker). */
type SimdFunction = (...args: number[]) => number;

/** What a kernel needs of the running engine: tfjs's memory, and our functions that work in it. */
export interface Engine {
  /** Workers of {@link Engine.run}, this thread included. */
  readonly threads: number;
  /** Calls a function of assembly/ that has no units of work, and gives what it returns. */
  call(name: string, ...args: number[]): number;
  /** Calls a function of assembly/ for the units 0 … units - 1, spread over the threads, and returns when all are done. */
  run(name: string, units: number, ...args: number[]): void;
  /** Allocates an output tensor, contents undefined. */
  output(shape: readonly number[], dtype: DataType): TensorInfo;
  /** Address of a tensor's elements in the memory. */
  address(tensor: TensorInfo): number;
  /** The elements of a tensor, in place. Valid until the next allocation, which may move the memory. */
  view(tensor: TensorInfo): TypedArray;
  /** `count` int32 at an address, in place, valid as long as {@link Engine.view}. */
  integers(address: number, count: number): Int32Array;
  /** `count` float32 at an address, as {@link Engine.integers}. */
  floats(address: number, count: number): Float32Array;
  /** Copies bytes to an address, such as one that {@link Engine.scratch} lent. */
  write(address: number, bytes: Uint8Array): void;
  /** Lends `bytes` of memory, contents undefined, to `use`. */
  scratch<T>(bytes: number, use: (address: number) => T): T;
}

const engines = new WeakMap<object, Engine>();

/** The engine of a backend, as kernels find it. */
export function engineOf(backend: unknown): Engine {
  const engine = engines.get(backend as object);
  if (engine === undefined) {
    throw new UnsupportedError(
      'backend-wasm',
      'the wasm backend',
      'be the one that init() started',
      phrase('one made after it'),
      'Call init() again after registering a backend.',
    );
  }
  return engine;
}

/** Instantiates our functions in the memory of a backend, on `threads` threads if they can be had. */
export async function attachEngine(backend: BackendWasm, threads: number): Promise<Engine> {
  const tfjs = backend.wasm as unknown as TfjsModule;
  const memory = memoryOf(tfjs);
  const shared = typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer;
  const { base64 } = shared ? await import('#simd-shared') : await import('#simd');
  const bytes = await inflate(base64);
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
  const functions = instance.exports as Record<string, SimdFunction>;
  const pool = shared && threads > 1 ? await startPool(threads, bytes, memory) : undefined;
  if (pool !== undefined) stopWith(backend, pool);
  guardAllocator(backend, tfjs, memory);

  const engine: Engine = {
    threads: pool?.threads ?? 1,
    call: (name, ...args) => (functions[name] as SimdFunction)(...args),
    run: (name, units, ...args) => {
      if (pool !== undefined && units > 1) pool.run(name, units, args);
      else if (units > 0) (functions[name] as SimdFunction)(...args, 0, units, 0);
    },
    output: (shape, dtype) => backend.makeOutput([...shape], dtype),
    address: (tensor) => backend.getMemoryOffset(tensor.dataId),
    view: (tensor) => backend.typedArrayFromHeap(tensor),
    integers: (address, count) => new Int32Array(memory.buffer, address, count),
    floats: (address, count) => new Float32Array(memory.buffer, address, count),
    write: (address, bytes) => new Uint8Array(memory.buffer).set(bytes, address),
    scratch: (bytes, use) => {
      const address = tfjs._malloc(bytes);
      try {
        return use(address);
      } finally {
        tfjs._free(address);
      }
    },
  };
  engines.set(backend, engine);
  return engine;
}

/** Ends the threads when tfjs removes the backend. */
function stopWith(backend: BackendWasm, pool: Pool): void {
  const dispose = backend.dispose.bind(backend);
  backend.dispose = () => {
    pool.stop();
    dispose();
  };
}

/** The plain builds of tfjs export their memory, the threaded one imports it. */
function memoryOf(tfjs: TfjsModule): WebAssembly.Memory {
  const memory = tfjs.wasmMemory ?? tfjs.asm?.memory;
  if (memory === undefined) {
    const rule = 'show its memory';
    throw new UnsupportedError(
      'init',
      '@tensorflow/tfjs-backend-wasm',
      rule,
      phrase('none'),
      'Install version 4.22.0.',
    );
  }
  return memory;
}
