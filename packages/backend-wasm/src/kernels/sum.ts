import { type KernelConfig, type KernelFunc, type SumAttrs, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';

/** Rows are cut into this many groups, whatever the threads, and a short sum into fewer. */
const GROUPS = 32;
const ROWS_PER_GROUP = 64;

/**
 * Sum over the leading axes (the gradient of a bias) without the transposition that tfjs does; every other sum is tfjs's own.
 */
export function sum(tfjs: KernelConfig): KernelFunc {
  return (call) => {
    const { x } = call.inputs as { x: TensorInfo };
    const { axis, keepDims } = call.attrs as unknown as SumAttrs;
    const axes = util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
    const leading = axes.length > 0 && axes.length < x.shape.length && axes.every((a, i) => a === i);
    const rows = util.sizeFromShape(x.shape.slice(0, axes.length));
    const columns = util.sizeFromShape(x.shape.slice(axes.length));
    if (!leading || x.dtype !== 'float32' || rows === 0 || columns === 0) return tfjs.kernelFunc(call);

    const engine = engineOf(call.backend);
    const kept = x.shape.slice(axes.length);
    const out = engine.output(keepDims ? [...axes.map(() => 1), ...kept] : kept, 'float32');
    const groups = Math.max(1, Math.min(GROUPS, Math.floor(rows / ROWS_PER_GROUP)));
    engine.scratch(4 * groups * columns, (partials) => {
      engine.run('sumColumns', groups, engine.address(x), partials, rows, columns, groups);
      engine.call('addPartials', partials, engine.address(out), groups, columns);
    });
    return out;
  };
}
