import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { KernelConfig, KernelFunc, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';
import { phrase, UnsupportedError } from '@vqkit/core-tensor';

/** What we use of tfjs's Emscripten module, whose public types leave it out. */
export interface TfjsModule {
  readonly asm?: { readonly memory?: WebAssembly.Memory };
  readonly wasmMemory?: WebAssembly.Memory;
  /** All of the memory. */
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** WebAssembly's addresses have 32 bits: more bytes would wrap around to a few. */
const ADDRESSES = 2 ** 32;

/**
 * Room that is left for what tfjs's own functions allocate inside, where nothing can be guarded: without it they abort, or warn and
 * give an output that they never wrote. Looked for again whenever half as much has been allocated.
 */
const RESERVE = 64 * 1024 * 1024;

/** A memory that is smaller can grow by what tfjs allocates inside. */
const NEARLY_FULL = ADDRESSES - 4 * RESERVE;
/** At most what tfjs's table of tensors takes for one more: an entry, and a longer table, whose old one is freed afterwards. */
const ENTRY_BYTES = 4096;
const TABLE_BYTES_PER_TENSOR = 16;

/** The kernel that runs, for messages. */
let running = 'backend-wasm';
/** Whether there has been a tensor without elements at all, which most programs never make; and whether the kernel was given one. */
let everNothing = false;
let givenNothing = false;
/** How many kernels run, one inside the other, and what data they have made: the first so many of the list. */
let depth = 0;
let madeCount = 0;
const made: object[] = [];

/**
 * Makes the allocator of a backend throw where it has no room; tfjs would take the answer 0 for an address and write there. This is the
 * one door to memory for tfjs's kernels and for ours.
 */
export function guardAllocator(backend: BackendWasm, tfjs: TfjsModule, memory: WebAssembly.Memory): void {
  // Emscripten puts the functions themselves in place at the first call.
  tfjs._free(tfjs._malloc(1));
  const { _malloc: allocate, _free: free } = tfjs;
  let unchecked = 0;
  // tfjs's allocator asks whether a free region ends behind address + bytes, and that sum wraps around too: it gives a region at the
  // memory's end that is too small. It knows the region's true size; another one may do.
  const allocateWhole = (bytes: number): number => {
    const address = allocate(bytes) >>> 0;
    if (address + bytes < ADDRESSES) return address;
    const other = allocateWhole(bytes);
    free(address);
    return other;
  };
  const hasRoom = (bytes: number): boolean => {
    const address = allocateWhole(bytes);
    free(address);
    return address !== 0;
  };
  const leavesEnough = (): boolean => {
    if (unchecked > RESERVE / 2) {
      if (!hasRoom(RESERVE)) return false;
      unchecked = 0;
    }
    // Inside, tfjs may have taken the reserve since then.
    return (
      tfjs.HEAPU8.length < NEARLY_FULL || hasRoom(ENTRY_BYTES + TABLE_BYTES_PER_TENSOR * (backend.numDataIds() + 1))
    );
  };
  tfjs._malloc = (bytes) => {
    const address = bytes < ADDRESSES ? allocateWhole(bytes) : 0;
    unchecked += bytes;
    if (bytes === 0) everNothing = true;
    if (address === 0 || !leavesEnough()) {
      free(address);
      throw new UnsupportedError(
        running,
        "the wasm engine's memory (at most 4 GB)",
        `have room for another ${bytes} bytes`,
        phrase('none'),
        'Use smaller batches, or dispose tensors.',
      );
    }
    // A loop over nothing writes nothing: what it sums would be whatever lay there.
    if (givenNothing) new Uint8Array(memory.buffer, address, bytes).fill(0);
    return address;
  };
  everNothing ||= backend.numDataIds() > 0;
  const write = backend.write.bind(backend);
  backend.write = (values, shape, dtype) => {
    const dataId = write(values, shape, dtype);
    if (depth > 0) made[madeCount++] = dataId;
    return dataId;
  };
}

/** What tfjs's cpu engine gives for these over no elements; for all others it is 0. */
const OF_NOTHING: Readonly<Record<string, number>> = { Max: Number.NaN, Min: Number.NaN, Prod: 1 };

/** Makes a kernel leave nothing behind when it throws, and give what is right for tensors without elements. */
export function guardKernel(config: KernelConfig): void {
  const { kernelName, kernelFunc } = config;
  const ofNothing = OF_NOTHING[kernelName];
  config.kernelFunc = (call) => {
    const [outer, outerNothing, first] = [running, givenNothing, madeCount];
    running = kernelName;
    depth++;
    givenNothing = everNothing && hasNothing(call.inputs);
    try {
      const outputs = kernelFunc(call);
      if (givenNothing && ofNothing !== undefined) fillWith(call.backend as BackendWasm, outputs, ofNothing);
      return outputs;
    } catch (error) {
      for (const dataId of made.slice(first, madeCount)) (call.backend as BackendWasm).disposeData(dataId, true);
      throw error;
    } finally {
      running = outer;
      givenNothing = outerNothing;
      depth--;
      madeCount = first;
    }
  };
}

function hasNothing(inputs: NamedTensorInfoMap): boolean {
  for (const name in inputs) if (inputs[name]?.shape.includes(0)) return true;
  return false;
}

function fillWith(backend: BackendWasm, outputs: ReturnType<KernelFunc>, value: number): void {
  for (const output of [outputs].flat() as TensorInfo[]) backend.typedArrayFromHeap(output).fill(value);
}
