import type { CodecKernels, RowEncoder } from '@vqkit/core-tensor/codec';
import { reason, UnsupportedError } from '@vqkit/core-tensor/errors';
import { createNearestEncoder } from './codec-nearest.ts';
import { createProjector } from './codec-project.ts';
import { inflate } from './embedded.ts';
import { fsqEncodeTable } from './fsq-table.ts';

export type { CodecKernels } from '@vqkit/core-tensor/codec';

/** Floats of the rows that are worked on at a time: they stay in the second-level cache. */
const CHUNK_FLOATS = 16 * 1024;
/** Rows of one unit of work of fsqEncode and of signQuantize. */
const FSQ_ROWS = 16;
const SIGN_ROWS = 32;

/** Addresses in an encoder's memory. */
interface Places {
  /** The bytes that {@link createEncoder} was given. */
  readonly table: number;
  readonly input: number;
  readonly indices: number;
}

/** A function of assembly/ on the first `rows` rows of the input. */
type RunRows = (functions: Record<string, (...args: number[]) => void>, at: Places, rows: number) => void;

/**
 * Loads the SIMD kernels for codecs, without TensorFlow.js: about 15 kB, compiled in a few milliseconds.
 *
 * @throws UnsupportedError where WebAssembly SIMD is missing; a codec without kernels works there.
 * @example
 * const kernels = await loadKernels();
 * const codec = createFsqCodec({ levels: [8, 5, 5, 5] }, { kernels });
 */
export async function loadKernels(): Promise<CodecKernels> {
  const { base64 } = await import('#simd');
  const module = await WebAssembly.compile(await inflate(base64)).catch((error: unknown) => {
    const fix = 'Make the codec without kernels.';
    throw new UnsupportedError('loadKernels', 'this JavaScript engine', 'have WebAssembly SIMD', reason(error), fix);
  });
  return {
    fsqEncoder(attrs) {
      const dim = attrs.levels.length;
      return createEncoder(module, fsqEncodeTable(attrs), dim, ({ fsqEncode }, at, rows) => {
        fsqEncode?.(at.input, at.indices, at.table, rows, dim, 0, Math.ceil(rows / FSQ_ROWS), 0);
      });
    },
    signEncoder: (features) =>
      createEncoder(module, new Uint8Array(0), features, ({ signQuantize }, at, rows) => {
        signQuantize?.(at.input, 0, at.indices, 1, rows, features, 0, Math.ceil(rows / SIGN_ROWS), 0);
      }),
    nearestEncoder: (search) => createNearestEncoder(module, search),
    projector: (projection, columns, outputs) => createProjector(module, projection, columns, outputs),
  };
}

/** An encoder with a memory of its own, of a fixed size whatever the rows: they pass through it in chunks. */
function createEncoder(module: WebAssembly.Module, table: Uint8Array, dim: number, run: RunRows): RowEncoder {
  const most = Math.max(SIGN_ROWS, Math.floor(CHUNK_FLOATS / dim));
  const input = Math.ceil(table.length / 16) * 16;
  const at: Places = { table: 0, input, indices: input + 4 * most * dim };
  const bytes = at.indices + 4 * most;
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65_536) });
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const functions = instance.exports as Record<string, (...args: number[]) => void>;
  new Uint8Array(memory.buffer).set(table);
  const rowsIn = new Float32Array(memory.buffer, at.input, most * dim);
  const found = new Int32Array(memory.buffer, at.indices, most);

  return (given, indices, rows) => {
    for (let first = 0; first < rows; first += most) {
      const here = Math.min(most, rows - first);
      // A view costs nothing beside the copy, but for a few rows it would.
      rowsIn.set(here === rows ? given : given.subarray(first * dim, (first + here) * dim));
      run(functions, at, here);
      for (let i = 0; i < here; i++) indices[first + i] = found[i] as number;
    }
  };
}
