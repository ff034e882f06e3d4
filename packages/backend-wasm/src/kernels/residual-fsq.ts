import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { ResidualFsqAttrs } from '@vqkit/core-tensor';
import { engineOf } from '../engine.ts';
import { DECODE_BLOCK, GROUP, roomBytes, words } from '../stack-table.ts';

/** A whole stack of FSQ layers in one pass. */
export const residualFsq: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { z } = inputs as { z: TensorInfo };
  const [tokens, dim] = z.shape as [number, number];
  const own = attrs as unknown as ResidualFsqAttrs;
  const layers = own.layers.length;
  const codes = engine.output([tokens, dim], 'float32');
  const indices = engine.output([tokens, layers], 'int32');
  const table = quantizeTable(own);
  engine.scratch(table.length + roomBytes(engine.threads, dim, layers), (scratch) => {
    engine.write(scratch, table);
    const pointers = [z, codes, indices].map((tensor) => engine.address(tensor));
    const room = scratch + table.length;
    engine.run('residualFsq', Math.ceil(tokens / GROUP), ...pointers, scratch, room, tokens, dim, layers);
  });
  return [codes, indices];
};

/** The codes of a stack's indices, digit by digit. */
export const residualFsqDecode: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { indices } = inputs as { indices: TensorInfo };
  const [tokens, layers] = indices.shape as [number, number];
  const own = attrs as unknown as ResidualFsqAttrs & { dropout: boolean };
  const { levels } = own.fsq;
  const codes = engine.output([tokens, levels.length], 'float32');
  const table = decodeTable(own);
  const size = levels.reduce((product, level) => product * level, 1);
  const sizes = words(
    'i32',
    own.layers.map(() => size),
  );
  engine.scratch(table.length + sizes.length, (scratch) => {
    engine.write(scratch, table);
    engine.write(scratch + table.length, sizes);
    const [from, to] = [indices, codes].map((tensor) => engine.address(tensor)) as [number, number];
    const shape = [tokens, levels.length, layers, Number(own.dropout)];
    engine.run(
      'residualFsqDecode',
      Math.ceil(tokens / DECODE_BLOCK),
      from,
      to,
      scratch,
      scratch + table.length,
      ...shape,
    );
  });
  return codes;
};

/** The table of assembly/residual-fsq.ts. */
function quantizeTable({ fsq, layers }: ResidualFsqAttrs): Uint8Array {
  const { levels, centers, steps, basis } = fsq;
  const size = levels.reduce((sum, count) => sum + 4 + layers.length * count, 0);
  const floats = new Float32Array(size);
  const integers = new Int32Array(floats.buffer);
  let at = 0;
  for (const [i, count] of levels.entries()) {
    integers[at] = count - 1;
    floats[at + 1] = centers[i] as number;
    floats[at + 2] = steps[i] as number;
    integers[at + 3] = basis[i] as number;
    at += 4;
    for (const { scales, thresholds } of layers) {
      floats[at] = scales[i] as number;
      floats.set(thresholds[i] as number[], at + 1);
      at += count;
    }
  }
  return new Uint8Array(floats.buffer);
}

/** The table of `residualFsqDecode` in assembly/stack-decode.ts: 28 words for each four features, and four for each layer. */
function decodeTable({ fsq, layers }: ResidualFsqAttrs): Uint8Array {
  const { levels, centers, steps, basis } = fsq;
  const groups = Math.ceil(levels.length / 4);
  const bytes = 112 + 16 * layers.length;
  const table = new DataView(new ArrayBuffer(groups * bytes));
  for (const [i, count] of levels.entries()) {
    const start = (i >> 2) * bytes;
    const lane = i & 3;
    const own = basis[i] as number;
    table.setFloat64(start + 8 * lane, 1 / own, true);
    table.setFloat64(start + 32 + 8 * lane, 1 / (own * count), true);
    table.setInt32(start + 64 + 4 * lane, count, true);
    table.setFloat32(start + 80 + 4 * lane, centers[i] as number, true);
    table.setFloat32(start + 96 + 4 * lane, steps[i] as number, true);
    for (const [j, { scales }] of layers.entries()) {
      table.setFloat32(start + 112 + 16 * j + 4 * lane, scales[i] as number, true);
    }
  }
  return new Uint8Array(table.buffer);
}
