import {
  type KernelConfig,
  type KernelFunc,
  type MeanAttrs,
  type SumAttrs,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import { type Engine, engineOf } from '../engine.ts';

/** Rows are cut into this many groups, whatever the threads, and a short sum into fewer. */
const GROUPS = 32;
const ROWS_PER_GROUP = 64;
/** A sum of everything is first one of so many columns. */
const COLUMNS = 16;

/**
 * Sum over the leading axes (the gradient of a bias) without the transposition that tfjs does, and the sum of everything (a loss), which
 * tfjs adds up one by one; every other sum is tfjs's own.
 */
export function sum(tfjs: KernelConfig): KernelFunc {
  return (call) => {
    const { x } = call.inputs as { x: TensorInfo };
    const { axis, keepDims } = call.attrs as unknown as SumAttrs;
    const axes = util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
    const rows = util.sizeFromShape(x.shape.slice(0, axes.length));
    const kept = x.shape.slice(axes.length);
    const columns = util.sizeFromShape(kept);
    const leading = axes.length > 0 && axes.every((a, i) => a === i);
    const ours = leading && x.dtype === 'float32' && rows > 0 && columns > 0;
    if (!ours || (kept.length === 0 && rows % COLUMNS !== 0)) return tfjs.kernelFunc(call);

    const engine = engineOf(call.backend);
    const out = engine.output(keepDims ? [...axes.map(() => 1), ...kept] : kept, 'float32');
    const [from, to] = [engine.address(x), engine.address(out)];
    if (kept.length > 0) sumColumns(engine, from, to, rows, columns);
    else sumAll(engine, from, to, rows);
    return out;
  };
}

/** Mean of everything, where {@link sum} has the sum; every other mean is tfjs's own. */
export function mean(tfjs: KernelConfig): KernelFunc {
  return (call) => {
    const { x } = call.inputs as { x: TensorInfo };
    const { axis, keepDims } = call.attrs as unknown as MeanAttrs;
    const size = util.sizeFromShape(x.shape);
    const all = util.parseAxisParam(axis, x.shape).length === x.shape.length;
    if (!all || x.dtype !== 'float32' || size === 0 || size % COLUMNS !== 0) return tfjs.kernelFunc(call);
    const engine = engineOf(call.backend);
    const out = engine.output(keepDims ? x.shape.map(() => 1) : [], 'float32');
    sumAll(engine, engine.address(x), engine.address(out), size);
    const value = engine.view(out);
    value[0] = (value[0] as number) / size;
    return out;
  };
}

/** The sum of `size` elements, a multiple of {@link COLUMNS}, at an address to another. */
function sumAll(engine: Engine, from: number, to: number, size: number): void {
  engine.scratch(4 * COLUMNS, (columnSums) => {
    sumColumns(engine, from, columnSums, size / COLUMNS, COLUMNS);
    engine.call('addPartials', columnSums, to, COLUMNS, 1);
  });
}

/** Of a matrix at an address, its columns' sums to another. */
function sumColumns(engine: Engine, from: number, to: number, rows: number, columns: number): void {
  const groups = Math.max(1, Math.min(GROUPS, Math.floor(rows / ROWS_PER_GROUP)));
  engine.scratch(4 * groups * columns, (partials) => {
    engine.run('sumColumns', groups, from, partials, rows, columns, groups);
    engine.call('addPartials', partials, to, groups, columns);
  });
}
