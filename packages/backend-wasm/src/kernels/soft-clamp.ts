import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { type Engine, engineOf } from '../engine.ts';

/** v tanh(x / v) in one pass. */
export const softClamp: KernelFunc = ({ inputs, attrs, backend }) => {
  const { x } = inputs as { x: TensorInfo };
  return overRows(engineOf(backend), 'softClamp', [x], attrs);
};

/** dy (1 - (y / v)²) in one pass. */
export const softClampGrad: KernelFunc = ({ inputs, attrs, backend }) => {
  const { dy, y } = inputs as { dy: TensorInfo; y: TensorInfo };
  return overRows(engineOf(backend), 'softClampGrad', [dy, y], attrs);
};

/** Runs a function of assembly/soft-clamp.ts on tensors of one shape. */
function overRows(
  engine: Engine,
  name: string,
  tensors: readonly [TensorInfo, ...TensorInfo[]],
  attrs: unknown,
): TensorInfo {
  const [rows, dim] = tensors[0].shape as [number, number];
  const { limits } = attrs as { limits: readonly number[] };
  // Of each of the `dim` vectors of four rows.
  const table = Float32Array.from({ length: 4 * dim }, (_, i) => limits[(i % dim) % limits.length] as number);
  const out = engine.output([rows, dim], 'float32');
  engine.scratch(table.byteLength, (scratch) => {
    engine.write(scratch, new Uint8Array(table.buffer));
    const pointers = [...tensors, out].map((tensor) => engine.address(tensor));
    engine.run(name, Math.ceil(rows / 4), ...pointers, scratch, rows, dim);
  });
  return out;
}
