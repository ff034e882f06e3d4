import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { FsqAttrs } from '@vqkit/core-tensor';
import { engineOf } from '../engine.ts';
import { fsqEncodeTable, fsqSlopeTable, fsqTable } from '../fsq-table.ts';

/** Codes and indices by comparison with the thresholds, in one pass. */
export const fsqQuantize: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { z } = inputs as { z: TensorInfo };
  const [tokens, dim] = z.shape as [number, number];
  const table = fsqTable(attrs as unknown as FsqAttrs);
  const codes = engine.output([tokens, dim], 'float32');
  const indices = engine.output([tokens], 'int32');
  const lineBytes = 16 * dim * engine.threads;
  engine.scratch(table.bytes.length + lineBytes, (scratch) => {
    engine.write(scratch, table.bytes);
    const [lines, groups] = [scratch + table.bytes.length, Math.ceil(tokens / 4)];
    const [from, to, index] = [engine.address(z), engine.address(codes), engine.address(indices)];
    engine.run('fsqQuantize', groups, from, to, index, scratch, lines, tokens, dim, table.rows);
  });
  return [codes, indices];
};

/** Tokens of one unit of work in assembly/fsq-encode.ts. */
const GROUP = 16;

/** Indices alone. */
export const fsqEncode: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { z } = inputs as { z: TensorInfo };
  const [tokens, dim] = z.shape as [number, number];
  const table = fsqEncodeTable(attrs as unknown as FsqAttrs);
  const indices = engine.output([tokens], 'int32');
  engine.scratch(table.length, (scratch) => {
    engine.write(scratch, table);
    const [from, to] = [engine.address(z), engine.address(indices)];
    engine.run('fsqEncode', Math.ceil(tokens / GROUP), from, to, scratch, tokens, dim);
  });
  return indices;
};

/** dz = dy times the slope of the bounding function, in one pass. */
export const fsqQuantizeGrad: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { dy, z } = inputs as { dy: TensorInfo; z: TensorInfo };
  const [tokens, dim] = z.shape as [number, number];
  const { hardClamp } = attrs as unknown as FsqAttrs;
  const table = fsqSlopeTable(attrs as unknown as FsqAttrs);
  const dz = engine.output([tokens, dim], 'float32');
  engine.scratch(table.length, (scratch) => {
    engine.write(scratch, table);
    const pointers = [dy, z, dz].map((tensor) => engine.address(tensor));
    const name = hardClamp ? 'fsqClampGrad' : 'fsqQuantizeGrad';
    engine.run(name, Math.ceil(tokens / 4), ...pointers, scratch, tokens, dim);
  });
  return dz;
};

/** Tokens of one unit of work in assembly/fsq-grad.ts. */
const BLOCK = 1024;

/** The codes of indices, digit by digit. */
export const fsqDecode: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { indices } = inputs as { indices: TensorInfo };
  const { levels, centers, steps } = attrs as unknown as FsqAttrs;
  const [tokens] = indices.shape as [number];
  const codes = engine.output([tokens, levels.length], 'float32');
  const table = new Uint8Array(20 * levels.length);
  new Float64Array(table.buffer, 0, levels.length).set(levels.map((count) => 1 / count));
  new Int32Array(table.buffer, 8 * levels.length).set(levels);
  new Float32Array(table.buffer, 12 * levels.length).set([...centers, ...steps]);
  engine.scratch(table.length, (scratch) => {
    engine.write(scratch, table);
    const [from, to] = [engine.address(indices), engine.address(codes)];
    engine.run('fsqDecode', Math.ceil(tokens / BLOCK), from, to, scratch, tokens, levels.length);
  });
  return codes;
};
