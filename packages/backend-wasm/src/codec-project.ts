import type { Projection, RowProjector } from '@vqkit/core-tensor/codec';

/** Floats of the rows that are worked on at a time: they stay in the second-level cache. */
const CHUNK_FLOATS = 16 * 1024;
/** Outputs of one block of weights: see assembly/project.ts. */
const BLOCK = 8;
/** A memory's limit. */
const MOST_BYTES = 2 ** 32 - 65_536;

/** Projects rows in a memory of its own, of a fixed size whatever the rows; undefined where the weights do not fit in one. */
export function createProjector(
  module: WebAssembly.Module,
  { weight, bias }: Projection,
  columns: number,
  outputs: number,
): RowProjector | undefined {
  const blocks = Math.ceil(outputs / BLOCK);
  const width = blocks * BLOCK;
  const most = Math.max(2, Math.floor(CHUNK_FLOATS / Math.max(columns, width)));
  const input = 8 * width * (1 + columns);
  const output = input + 16 * Math.ceil((most * columns) / 4);
  const bytes = output + 4 * most * width;
  if (bytes > MOST_BYTES) return undefined;
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65_536) });
  const { project } = new WebAssembly.Instance(module, { env: { memory } }).exports as Record<
    string,
    (...args: number[]) => void
  >;
  const weights = new Float64Array(memory.buffer, 0, input / 8);
  for (let j = 0; j < outputs; j++) {
    const first = Math.floor(j / BLOCK) * BLOCK * (1 + columns) + (j % BLOCK);
    weights[first] = bias?.[j] ?? 0;
    for (let i = 0; i < columns; i++) weights[first + (1 + i) * BLOCK] = weight[j * columns + i] as number;
  }
  const rowsIn = new Float32Array(memory.buffer, input, most * columns);
  const rowsOut = new Float32Array(memory.buffer, output, most * width);

  return (rows, projected, count) => {
    for (let first = 0; first < count; first += most) {
      const here = Math.min(most, count - first);
      rowsIn.set(rows.subarray(first * columns, (first + here) * columns));
      project?.(input, 0, output, here, columns, blocks);
      if (width === outputs) projected.set(rowsOut.subarray(0, here * width), first * width);
      else
        for (let n = 0; n < here; n++)
          projected.set(rowsOut.subarray(n * width, n * width + outputs), (first + n) * outputs);
    }
  };
}
