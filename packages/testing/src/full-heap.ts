import { backend } from '@tensorflow/tfjs-core';

interface Heap {
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** Allocates all that there is; none of it is touched, so that it takes no room in the machine. */
function hoard(allocate: (bytes: number) => number): number[] {
  const held: number[] = [];
  for (let bytes = 2 ** 30; bytes >= 16; bytes /= 2) {
    for (;;) {
      try {
        held.push(allocate(bytes));
      } catch {
        break;
      }
    }
  }
  return held;
}

/** Runs `use` on wasm with a heap that is full from its allocation number `after` on; says whether it came to that. */
export function withFullHeap(after: number, use: () => void): boolean {
  const { wasm: module } = backend() as unknown as { wasm: Heap };
  const { _malloc, _free } = module;
  const allocate = _malloc.bind(module);
  let calls = 0;
  let held: number[] = [];
  module._malloc = (bytes) => {
    if (calls++ === after) held = hoard(allocate);
    return allocate(bytes);
  };
  try {
    use();
  } finally {
    module._malloc = _malloc;
    for (const address of held) _free.call(module, address);
  }
  return calls > after;
}
