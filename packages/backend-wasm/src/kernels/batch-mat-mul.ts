import {
  type BatchMatMulAttrs,
  broadcast_util,
  type KernelConfig,
  type KernelFunc,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';
import { shareStart } from '../pool.ts';

/** Rows of A that one unit of work computes. */
const BLOCK_ROWS = 64;
/** Fewer multiplications than this are not worth cutting up. */
const SMALL_WORK = 32 * 1024;
/** A long sum is cut into at most this many parts, when that is the only way to share it. */
const PARTS = 16;
const PART_DEPTH = 512;
const PARTS_MAX_OUTPUT = 64 * 1024;
/** Depth of one pass in assembly/gemm.ts: where the depth is cut at a multiple of it, the bits stay the same. */
const DEPTH = 256;
/** Most of B that is packed at a time. */
const PACKED_FLOATS = 16 * 1024 * 1024;

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
    const outer =
      aOuter.length + bOuter.length === 0 ? aOuter : broadcast_util.assertAndGetBroadcastShape(aOuter, bOuter);
    const count = util.sizeFromShape(outer);
    const [aRows, aColumns] = [a.shape.at(-2), a.shape.at(-1)] as [number, number];
    const [bRows, bColumns] = [b.shape.at(-2), b.shape.at(-1)] as [number, number];
    const [rows, depth] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
    const [bDepth, columns] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
    // Broadcasting inside the batch axes and types other than float32: tfjs knows how.
    const partly = (aCount !== count && aCount !== 1) || (bCount !== count && bCount !== 1);
    if (partly || depth !== bDepth || a.dtype !== 'float32' || b.dtype !== 'float32') {
      return tfjs.kernelFunc(call);
    }

    const engine = engineOf(call.backend);
    const out = engine.output([...outer, rows, columns], 'float32');
    // Zeros, as all that is allocated where an input is empty.
    if (count * rows * columns * depth === 0) return out;
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
    const [aRow, aStep, aMatrix] = [
      transposeA ? 1 : aColumns,
      transposeA ? aColumns : 1,
      aCount === 1 ? 0 : aRows * aColumns,
    ];
    const [bStep, bNext, bMatrix] = [transposeB ? 1 : bColumns, transposeB ? bColumns : 1, bRows * bColumns];
    const [left, right, result] = [engine.address(a), engine.address(b), engine.address(out)];
    // B is packed whole where that takes little, else `width` columns and `steps` of the depth of one matrix at a time.
    const whole = 8 * panelsOf(columns) * depth * bCount <= PACKED_FLOATS;
    const width = whole ? columns : Math.min(columns, PACKED_FLOATS / DEPTH);
    const steps = whole ? depth : DEPTH * Math.floor(PACKED_FLOATS / (8 * panelsOf(width) * DEPTH));
    const many = whole ? batch : 1;
    const packedFloats = 8 * panelsOf(width) * Math.min(steps, depth);
    const packedBytes = 4 * packedFloats * (whole ? bCount : 1);

    engine.scratch(packedBytes + (parts > 1 ? 4 * parts * outputs : 0), (packed) => {
      const partials = packed + packedBytes;
      const target = parts > 1 ? partials : result;
      const multiply = ({ n, part, column, k, columnsHere, stepsHere, onTop }: Piece): void => {
        engine.run(
          'packPanels',
          panelsOf(columnsHere) * (whole ? bCount : 1),
          right + 4 * ((bCount === 1 ? 0 : n * bMatrix) + k * bStep + column * bNext),
          packed,
          bMatrix,
          1,
          0,
          stepsHere,
          bStep,
          columnsHere,
          bNext,
        );
        engine.run(
          'gemm',
          many * (whole ? parts : 1) * blocks,
          left + 4 * (n * aMatrix + k * aStep),
          aMatrix,
          aRow,
          aStep,
          packed,
          bCount === 1 ? 0 : packedFloats,
          target + 4 * ((part * batch + n) * allRows * columns + column),
          many,
          allRows,
          columnsHere,
          stepsHere,
          whole ? parts : 1,
          blockRows,
          columns,
          Number(onTop),
        );
      };
      if (whole) multiply({ n: 0, part: 0, column: 0, k: 0, columnsHere: columns, stepsHere: depth, onTop: false });
      else for (const piece of piecesOf(batch, parts, columns, width, depth, steps)) multiply(piece);
      if (parts > 1) engine.call('addPartials', partials, result, parts, outputs);
    });
    return out;
  };
}

function panelsOf(columns: number): number {
  return Math.ceil(columns / 8);
}

/** A product of `stepsHere` of the depth from `k` on and `columnsHere` columns from `column` on, of matrix `n`. */
interface Piece {
  readonly n: number;
  readonly part: number;
  readonly column: number;
  readonly k: number;
  readonly columnsHere: number;
  readonly stepsHere: number;
  /** Added to the piece before it. */
  readonly onTop: boolean;
}

function* piecesOf(
  batch: number,
  parts: number,
  columns: number,
  width: number,
  depth: number,
  steps: number,
): Generator<Piece> {
  for (let n = 0; n < batch; n++) {
    for (let part = 0; part < parts; part++) {
      const [first, end] = [shareStart(depth, parts, part), shareStart(depth, parts, part + 1)];
      for (let column = 0; column < columns; column += width) {
        const columnsHere = Math.min(width, columns - column);
        for (let k = first; k < end; k += steps) {
          yield { n, part, column, k, columnsHere, stepsHere: Math.min(steps, end - k), onTop: k > first };
        }
      }
    }
  }
}
