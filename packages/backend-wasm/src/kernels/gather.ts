import { type GatherV2Attrs, type KernelConfig, type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { phrase, ShapeError } from '@vqkit/core-tensor';
import { engineOf } from '../engine.ts';

/** Rows of one unit of work in assembly/gather.ts. */
const BLOCK = 512;

/** out[i] = x[indices[i]], whole rows of the first axis; other axes and types are tfjs's own. */
export function gatherV2(tfjs: KernelConfig): KernelFunc {
  return (call) => {
    const { x, indices } = call.inputs as { x: TensorInfo; indices: TensorInfo };
    const { axis, batchDims } = call.attrs as unknown as GatherV2Attrs;
    const words = x.dtype === 'float32' || x.dtype === 'int32';
    const rows = util.sizeFromShape(indices.shape);
    const width = util.sizeFromShape(x.shape.slice(1));
    const first = x.shape.length > 0 && util.parseAxisParam(axis, x.shape)[0] === 0;
    if (!first || !words || (batchDims ?? 0) !== 0 || indices.dtype !== 'int32') {
      return tfjs.kernelFunc(call);
    }
    const engine = engineOf(call.backend);
    const [size = 0] = x.shape;
    const bad = engine.call('findOutOfRange', engine.address(indices), rows, size);
    if (bad >= 0) {
      throw new ShapeError(
        'gather',
        'indices',
        `be in [0, ${size})`,
        phrase(`${engine.view(indices)[bad]} at flat position ${bad}`, engine.view(indices)[bad]),
        'Gather rows that exist.',
      );
    }
    const out = engine.output([...indices.shape, ...x.shape.slice(1)], x.dtype);
    const pointers = [x, indices, out].map((tensor) => engine.address(tensor));
    engine.run('gatherRows', Math.ceil(rows / BLOCK), ...pointers, rows, width);
    return out;
  };
}
