import {
  backend_util,
  type ConcatAttrs,
  type GatherV2Attrs,
  type KernelConfig,
  type KernelFunc,
  type NamedTensorInfoMap,
  type PackAttrs,
  type SliceAttrs,
  slice_util,
  type TensorInfo,
  type TileAttrs,
  type TransposeAttrs,
  util,
} from '@tensorflow/tfjs-core';
import type { DeviceBackend } from '../backend.ts';
import { output, type Program, run } from '../program.ts';
import { broadcastWalk, stridesOf, type Walk, walkParams, walkValues, walkWgsl } from '../strides.ts';

/*
 * tfjs moves integers as float32 too, which changes those from 2^24 on. These kernels move their bits, and leave floats to tfjs.
 */

/** One element per thread: from where one walk is to where the other is. */
export function moveProgram(rank: number): Program {
  return {
    name: 'Move',
    inputs: { x: 'u32' },
    outputs: { y: 'u32' },
    params: walkParams(rank, ['x', 'y']),
    body: `
${walkWgsl(rank, ['x', 'y'])}
y[yAt] = x[xAt];`,
  };
}

function move(
  backend: DeviceBackend,
  shape: readonly number[],
  x: TensorInfo,
  from: Walk,
  y: TensorInfo,
  to: Walk,
): void {
  const values = walkValues(shape, { x: from, y: to });
  const operands = { x: { tensor: x }, y: { tensor: y } };
  run(backend, moveProgram(shape.length), util.sizeFromShape([...shape]), operands, values);
}

const whole = (shape: readonly number[]): Walk => ({ base: 0, strides: stridesOf(shape) });

/** x with its axes in another order, bit for bit. */
export function transposed(backend: DeviceBackend, x: TensorInfo, perm: readonly number[]): TensorInfo {
  const strides = stridesOf(x.shape);
  const shape = perm.map((axis) => x.shape[axis] as number);
  const y = output(backend, shape, x.dtype);
  move(backend, shape, x, { base: 0, strides: perm.map((axis) => strides[axis] as number) }, y, whole(shape));
  return y;
}

function joined(backend: DeviceBackend, parts: readonly TensorInfo[], axis: number): TensorInfo {
  const shape = backend_util.computeOutShape(
    parts.map((part) => part.shape),
    axis,
  );
  const y = output(backend, shape, (parts[0] as TensorInfo).dtype);
  const strides = stridesOf(shape);
  let base = 0;
  for (const part of parts) {
    move(backend, part.shape, part, whole(part.shape), y, { base, strides });
    base += (part.shape[axis] as number) * (strides[axis] as number);
  }
  return y;
}

type Mover = (backend: DeviceBackend, inputs: readonly TensorInfo[], attrs: unknown) => TensorInfo;

const movers: Readonly<Record<string, Mover>> = {
  Transpose: (backend, [x], attrs) => transposed(backend, x as TensorInfo, (attrs as TransposeAttrs).perm),
  Slice: (backend, [x], attrs) => {
    const { begin, size } = attrs as SliceAttrs;
    const { shape } = x as TensorInfo;
    const [start, sizes] = slice_util.parseSliceParams(x as never, begin, size) as [number[], number[]];
    const strides = stridesOf(shape);
    const base = start.reduce((sum, place, axis) => sum + place * (strides[axis] as number), 0);
    const y = output(backend, sizes, (x as TensorInfo).dtype);
    move(backend, sizes, x as TensorInfo, { base, strides }, y, whole(sizes));
    return y;
  },
  Concat: (backend, parts, attrs) => {
    const [first] = parts as [TensorInfo];
    return joined(backend, parts, util.parseAxisParam((attrs as ConcatAttrs).axis, first.shape)[0] as number);
  },
  Pack: (backend, parts, attrs) => {
    const { axis } = attrs as PackAttrs;
    const place = axis < 0 ? axis + (parts[0] as TensorInfo).shape.length + 1 : axis;
    const wider = parts.map((part) => ({ ...part, shape: part.shape.toSpliced(place, 0, 1) }));
    return joined(backend, wider, place);
  },
  Tile: (backend, [x], attrs) => {
    const { reps } = attrs as TileAttrs;
    const { shape, dtype } = x as TensorInfo;
    // [a, b] repeated is [reps, a, reps, b] with steps of 0.
    const pairs = shape.flatMap((size, axis) => [reps[axis] as number, size]);
    const strides = stridesOf(shape).flatMap((stride) => [0, stride]);
    const y = output(
      backend,
      shape.map((size, axis) => size * (reps[axis] as number)),
      dtype,
    );
    move(backend, pairs, x as TensorInfo, { base: 0, strides }, y, whole(pairs));
    return y;
  },
};

/** The kernels of {@link moveKernel}. */
export const MOVED: readonly string[] = Object.keys(movers);

/** tfjs transposes through memory that a workgroup shares, which pays for tensors larger than this. */
const SMALL_TRANSPOSE = 2 ** 16;

/** A kernel of tfjs that only moves elements, for integers and small transposes; the rest is tfjs's own. */
export function moveKernel(name: string, tfjs: KernelConfig): KernelFunc {
  return (call) => {
    const inputs = Object.values(call.inputs as NamedTensorInfoMap) as TensorInfo[];
    const exact = inputs.every(({ dtype }) => dtype === 'int32');
    const [first] = inputs as [TensorInfo];
    const small =
      name === 'Transpose' && first.dtype === 'float32' && util.sizeFromShape(first.shape) <= SMALL_TRANSPOSE;
    if ((!exact && !small) || inputs.some(({ shape }) => shape.includes(0))) return tfjs.kernelFunc(call);
    return (movers[name] as Mover)(call.backend as DeviceBackend, inputs, call.attrs);
  };
}

/** One element per thread. Rows outside the table are zeros, as in tfjs. */
export const GATHER: Program = {
  name: 'GatherV2',
  inputs: { x: 'u32', indices: 'i32' },
  outputs: { y: 'u32' },
  params: { size: 'i32', inner: 'u32', count: 'u32' },
  body: `
let flat = params.first + row;
let place = indices[(flat / params.inner) % params.count];
let outer = flat / (params.inner * params.count);
y[row] = 0u;
if (place >= 0 && place < params.size) {
  y[row] = x[(outer * u32(params.size) + u32(place)) * params.inner + flat % params.inner];
}`,
};

/** Gathers along one axis, as bits. */
export function gather(tfjs: KernelConfig): KernelFunc {
  return (call) => {
    const backend = call.backend as DeviceBackend;
    const { x, indices } = call.inputs as { x: TensorInfo; indices: TensorInfo };
    const { axis, batchDims } = call.attrs as unknown as GatherV2Attrs;
    if ((batchDims ?? 0) !== 0 || indices.dtype !== 'int32' || x.shape.includes(0)) return tfjs.kernelFunc(call);
    const place = util.parseAxisParam(axis, x.shape)[0] as number;
    const shape = [...x.shape.slice(0, place), ...indices.shape, ...x.shape.slice(place + 1)];
    const y = output(backend, shape, x.dtype);
    const operands = { x: { tensor: x }, indices: { tensor: indices }, y: { tensor: y, perRow: 1 } };
    const [size, inner] = [x.shape[place] as number, util.sizeFromShape(x.shape.slice(place + 1))];
    const count = util.sizeFromShape(indices.shape);
    run(backend, GATHER, util.sizeFromShape(shape), operands, { size, inner, count });
    return y;
  };
}

/** One element per thread, as bits: tfjs takes every value through float32. */
export function selectProgram(rank: number): Program {
  return {
    name: 'Select',
    inputs: { condition: 'u32', t: 'u32', e: 'u32' },
    outputs: { y: 'u32' },
    params: walkParams(rank, ['condition']),
    body: `
${walkWgsl(rank, ['condition'])}
y[row] = select(e[row], t[row], condition[conditionAt] != 0u);`,
  };
}

/** `condition` has the shape of the others, or that of their first axis. */
export const select: KernelFunc = (call) => {
  const backend = call.backend as DeviceBackend;
  const { condition, t, e } = call.inputs as { condition: TensorInfo; t: TensorInfo; e: TensorInfo };
  const y = output(backend, t.shape, t.dtype === e.dtype ? t.dtype : 'float32');
  const missing = t.shape.length - condition.shape.length;
  const from = broadcastWalk([...condition.shape, ...new Array<number>(Math.max(0, missing)).fill(1)], t.shape);
  const operands = {
    condition: { tensor: condition },
    t: { tensor: t, perRow: 1 },
    e: { tensor: e, perRow: 1 },
    y: { tensor: y, perRow: 1 },
  };
  run(
    backend,
    selectProgram(t.shape.length),
    util.sizeFromShape(t.shape),
    operands,
    walkValues(t.shape, { condition: from }),
  );
  return y;
};
