import {
  type BatchMatMulAttrs,
  broadcast_util,
  type KernelConfig,
  type KernelFunc,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';

/** Rows of A that one unit of work computes. */
const BLOCK_ROWS = 64;
/** Fewer multiplications than this are not worth cutting up. */
const SMALL_WORK = 32 * 1024;
/** A long sum is cut into at most this many parts, when that is the only way to share it. */
const PARTS = 16;
const PART_DEPTH = 512;
const PARTS_MAX_OUTPUT = 64 * 1024;

/**
 * out = A · B, either side transposed, batch axes broadcast. A is read as it lies and B is packed, so that no layout is slow
 * (tfjs takes a scalar path for transposed sides).
 */
export function batchMatMul(tfjs: KernelConfig): KernelFunc {
  return (call) => {
    const { a, b } = call.inputs as { a: TensorInfo; b: TensorInfo };
    const { transposeA, transposeB } = call.attrs as unknown as BatchMatMulAttrs;
    const [aOuter, bOuter] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
    const [aCount, bCount] = [util.sizeFromShape(aOuter), util.sizeFromShape(bOuter)];
    const outer = broadcast_util.assertAndGetBroadcastShape(aOuter, bOuter);
    const count = util.sizeFromShape(outer);
    const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
    const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
    const [rows, depth] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
    const [bDepth, columns] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
    // Broadcasting inside the batch axes, types other than float32, and nothing at all: tfjs knows how.
    const partly = (aCount !== count && aCount !== 1) || (bCount !== count && bCount !== 1);
    const empty = count * rows * columns * depth === 0;
    if (partly || empty || depth !== bDepth || a.dtype !== 'float32' || b.dtype !== 'float32') {
      return tfjs.kernelFunc(call);
    }

    const engine = engineOf(call.backend);
    const out = engine.output([...outer, rows, columns], 'float32');
    // One B for all: the matrices of A are one tall matrix.
    const tall = bCount === 1 && !transposeA && aCount === count;
    const batch = tall ? 1 : count;
    const allRows = tall ? count * rows : rows;
    const blockRows = allRows * columns * depth < SMALL_WORK ? allRows : BLOCK_ROWS;
    const blocks = Math.ceil(allRows / blockRows);
    const outputs = batch * allRows * columns;
    const parts =
      batch * blocks < PARTS && outputs <= PARTS_MAX_OUTPUT
        ? Math.max(1, Math.min(PARTS, Math.floor(depth / PART_DEPTH)))
        : 1;
    const panels = Math.ceil(columns / 8);
    const packedFloats = panels * 8 * depth;
    const packedBytes = 4 * packedFloats * bCount;
    engine.scratch(packedBytes + (parts > 1 ? 4 * parts * outputs : 0), (packed) => {
      const result = engine.address(out);
      const partials = packed + packedBytes;
      engine.run(
        'packPanels',
        panels * bCount,
        engine.address(b),
        packed,
        bRows * bColumns,
        1,
        0,
        depth,
        transposeB ? 1 : bColumns,
        columns,
        transposeB ? bColumns : 1,
      );
      engine.run(
        'gemm',
        batch * parts * blocks,
        engine.address(a),
        aCount === 1 ? 0 : aRows * aColumns,
        transposeA ? 1 : aColumns,
        transposeA ? aColumns : 1,
        packed,
        bCount === 1 ? 0 : packedFloats,
        parts > 1 ? partials : result,
        batch,
        allRows,
        columns,
        depth,
        parts,
        blockRows,
      );
      if (parts > 1) engine.call('addPartials', partials, result, parts, outputs);
    });
    return out;
  };
}
