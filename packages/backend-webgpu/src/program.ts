import { type DataType, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { UnsupportedError } from '@vqkit/core-tensor';
import type { DeviceBackend } from './backend.ts';
import { tooLarge } from './guard.ts';

/** Limits of the device that the kernels of this package stay within by working in tiles. */
export interface DeviceLimits {
  /** Bytes of a tensor that one dispatch may see, at least 65,536. */
  readonly maxStorageBufferBindingSize: number;
  /** Workgroups along one axis of a dispatch. */
  readonly maxComputeWorkgroupsPerDimension: number;
}

type ElementType = 'f32' | 'i32' | 'u32';
type ArrayType = ElementType | `vec4<${ElementType}>` | 'atomic<i32>';

/** A compute shader that handles one row (a token, a code, an element) per thread. */
export interface Program {
  /** Of the kernel, as errors and profilers show it. */
  readonly name: string;
  /** Tensors that it reads, by name, as arrays of this type. The type may differ from the tensor's: u32 reads the bits of a float32. */
  readonly inputs: Readonly<Record<string, ArrayType>>;
  /** Tensors that it writes, and may read. */
  readonly outputs: Readonly<Record<string, ArrayType>>;
  /** Numbers that it gets as `params.name`. `params.rows`, those of the tile, and `params.first`, where it starts, are always there. */
  readonly params?: Readonly<Record<string, ElementType>>;
  /** Functions and constants of its own. */
  readonly declarations?: string;
  /** What happens for `row : u32`, the row's place in the tile that every tiled tensor shows. */
  readonly body: string;
}

/** What a program works on. */
export interface Operand {
  readonly tensor: TensorInfo;
  /** Elements per row, so that large tensors can be shown to the program a tile of rows at a time. Default: it sees the whole tensor. */
  readonly perRow?: number;
  /** The first row; default 0. */
  readonly from?: number;
  /** Rows that every tile sees, all the same ones. Default: each tile sees its own. */
  readonly rows?: number;
}

const WORKGROUP = 64;
/** Offsets of bindings are multiples of so many bytes on every device (minStorageBufferOffsetAlignment is at most this). */
const ALIGNMENT = 256;

const ALWAYS = { rows: 'u32', first: 'u32' } as const;

const limitsOf = new WeakMap<DeviceBackend, DeviceLimits>();
interface Pipelines {
  readonly byCode: Map<string, GPUComputePipeline>;
  /** Where a program is the same object in every call its code need not be put together again. */
  readonly byProgram: WeakMap<Program, GPUComputePipeline>;
}

const pipelinesOf = new WeakMap<GPUDevice, Pipelines>();

/** Sets the limits that the kernels of this package keep, and gives them: those of the device, or lower ones. */
export function setLimits(backend: DeviceBackend, lower: Partial<DeviceLimits>): DeviceLimits {
  const own = backend.device.limits;
  const least = (name: keyof DeviceLimits): number => Math.min(own[name], lower[name] ?? Number.POSITIVE_INFINITY);
  const limits = {
    maxStorageBufferBindingSize: least('maxStorageBufferBindingSize'),
    maxComputeWorkgroupsPerDimension: least('maxComputeWorkgroupsPerDimension'),
  };
  limitsOf.set(backend, limits);
  return limits;
}

function limitsFor(backend: DeviceBackend): DeviceLimits {
  return limitsOf.get(backend) ?? backend.device.limits;
}

/** Rows of a table that a program may see at once, and after which the next part may start. */
export function rowsWithin(backend: DeviceBackend, perRow: number, most: number = Number.POSITIVE_INFINITY): number {
  const floats = Math.min(limitsFor(backend).maxStorageBufferBindingSize / 4, most);
  return Math.max(ALIGNMENT / 4, (ALIGNMENT / 4) * Math.floor(floats / perRow / (ALIGNMENT / 4)));
}

/** An output tensor, contents undefined, on the device. */
export function output(backend: DeviceBackend, shape: readonly number[], dtype: DataType): TensorInfo {
  const size = util.sizeFromShape([...shape]);
  if (size === 0) return backend.makeTensorInfo([...shape], dtype, util.getTypedArrayFromDType(dtype as 'int32', 0));
  const info = backend.makeTensorInfo([...shape], dtype);
  backend.uploadToGPU(info.dataId);
  return info;
}

/** A table of 32-bit words for one call; the caller disposes it with {@link release}. */
export function table(backend: DeviceBackend, words: Int32Array): TensorInfo {
  return backend.makeTensorInfo([words.length], 'int32', words);
}

export function release(backend: DeviceBackend, ...tensors: readonly TensorInfo[]): void {
  for (const { dataId } of tensors) backend.disposeData(dataId);
}

/** Runs a program for `rows` rows, in as few tiles as the limits allow. */
export function run(
  backend: DeviceBackend,
  program: Program,
  rows: number,
  operands: Readonly<Record<string, Operand>>,
  params: Readonly<Record<string, number>> = {},
): void {
  if (rows === 0) return;
  backend.requireDevice();
  const names = [...Object.keys(program.inputs), ...Object.keys(program.outputs)];
  const temporary: TensorInfo[] = [];
  const bound = names.map((name) => {
    const operand = operands[name] as Operand;
    const tensor = inItsType(backend, operand.tensor);
    if (tensor !== operand.tensor) temporary.push(tensor);
    backend.uploadToGPU(tensor.dataId);
    return { ...operand, tensor, buffer: backend.tensorMap.get(tensor.dataId).resource as GPUBuffer };
  });
  const { device } = backend;
  const pipeline = pipelineOf(device, program);
  const most = tileRows(backend, program.name, bound);
  const perAxis = limitsFor(backend).maxComputeWorkgroupsPerDimension;
  for (let start = 0; start < rows; start += most) {
    const count = Math.min(most, rows - start);
    const words = uniformWords(program, { ...params, rows: count, first: start });
    const entries = bound.map(({ buffer, perRow, from = 0, rows: fixed }, binding): GPUBindGroupEntry => {
      if (perRow === undefined) return { binding, resource: { buffer } };
      const offset = 4 * perRow * (from + (fixed === undefined ? start : 0));
      const size = Math.min(4 * perRow * (fixed ?? count), buffer.size - offset);
      return { binding, resource: { buffer, offset, size } };
    });
    entries.push({ binding: bound.length, resource: { buffer: backend.uniforms(words) } });
    const groups = Math.ceil(count / WORKGROUP);
    const grid = groups <= perAxis ? ([groups, 1] as const) : ([perAxis, Math.ceil(groups / perAxis)] as const);
    const bindings = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
    backend.dispatch(pipeline, bindings, grid, program.name);
  }
  release(backend, ...temporary);
}

/** Rows of one dispatch: as many as the limits allow, and such that every tile starts at an offset that can be bound. */
function tileRows(backend: DeviceBackend, name: string, operands: readonly Operand[]): number {
  const { maxStorageBufferBindingSize, maxComputeWorkgroupsPerDimension } = limitsFor(backend);
  let rows = maxComputeWorkgroupsPerDimension ** 2 * WORKGROUP;
  let step = 1;
  for (const { tensor, perRow, rows: fixed } of operands) {
    const bytes = 4 * (perRow === undefined ? util.sizeFromShape(tensor.shape) : perRow * (fixed ?? 1));
    requireVisible(backend, name, bytes);
    if (perRow === undefined || fixed !== undefined) continue;
    rows = Math.min(rows, Math.floor(maxStorageBufferBindingSize / bytes));
    step = Math.max(step, ALIGNMENT / greatestCommonDivisor(bytes, ALIGNMENT));
  }
  if (rows < step)
    throw tooWide(name, step * Math.ceil(maxStorageBufferBindingSize / rows), maxStorageBufferBindingSize);
  return rows - (rows % step);
}

/** Throws unless a program may see so many bytes of a tensor at once. */
export function requireVisible(backend: DeviceBackend, name: string, bytes: number): void {
  const { maxStorageBufferBindingSize: most } = limitsFor(backend);
  if (bytes > most) throw tooWide(name, bytes, most);
}

function tooWide(name: string, bytes: number, most: number): UnsupportedError {
  const what = 'the bytes that a kernel sees of a tensor at once';
  return tooLarge(what, 'maxStorageBufferBindingSize', most, bytes, 'Use fewer or narrower rows.', name);
}

/** The multiple of a row's bytes at which a tile may start is a power of two. */
function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** tfjs casts integers to float32 in name only and leaves their bits alone; a program must see float32. */
function inItsType(backend: DeviceBackend, tensor: TensorInfo): TensorInfo {
  const { dtype } = backend.tensorMap.get(tensor.dataId);
  if (tensor.dtype !== 'float32' || dtype === 'float32') return tensor;
  const values = output(backend, tensor.shape, 'float32');
  const size = util.sizeFromShape(tensor.shape);
  const integers = { ...tensor, dtype };
  run(backend, TO_FLOAT, size, { x: { tensor: integers, perRow: 1 }, y: { tensor: values, perRow: 1 } });
  return values;
}

const TO_FLOAT: Program = {
  name: 'ToFloat',
  inputs: { x: 'i32' },
  outputs: { y: 'f32' },
  body: 'y[row] = f32(x[row]);',
};

/** The whole shader of a program. */
export function wgslOf({ inputs, outputs, params = {}, declarations = '', body }: Program): string {
  const bindings = [
    ...Object.entries(inputs).map(([name, type]) => `var<storage, read> ${name} : array<${type}>;`),
    ...Object.entries(outputs).map(([name, type]) => `var<storage, read_write> ${name} : array<${type}>;`),
    'var<uniform> params : Params;',
  ];
  const fields = Object.entries({ ...ALWAYS, ...params }).map(([name, type]) => `  ${name} : ${type},`);
  return [
    'struct Params {',
    ...fields,
    '}',
    '',
    ...bindings.map((binding, i) => `@group(0) @binding(${i}) ${binding}`),
    '',
    ...(declarations === '' ? [] : [declarations.trim(), '']),
    `@compute @workgroup_size(${WORKGROUP})`,
    'fn main(',
    '  @builtin(workgroup_id) group : vec3<u32>,',
    '  @builtin(num_workgroups) groups : vec3<u32>,',
    '  @builtin(local_invocation_index) lane : u32,',
    ') {',
    `  let row = (group.y * groups.x + group.x) * ${WORKGROUP}u + lane;`,
    '  if (row >= params.rows) { return; }',
    ...body
      .trim()
      .split('\n')
      .map((line) => (line === '' ? line : `  ${line}`)),
    '}',
    '',
  ].join('\n');
}

function pipelineOf(device: GPUDevice, program: Program): GPUComputePipeline {
  let pipelines = pipelinesOf.get(device);
  if (pipelines === undefined) {
    pipelines = { byCode: new Map(), byProgram: new WeakMap() };
    pipelinesOf.set(device, pipelines);
  }
  const { byCode, byProgram } = pipelines;
  const known = byProgram.get(program);
  if (known !== undefined) return known;
  const code = wgslOf(program);
  let pipeline = byCode.get(code);
  if (pipeline === undefined) {
    const module = device.createShaderModule({ code, label: program.name });
    pipeline = device.createComputePipeline({
      label: program.name,
      layout: 'auto',
      compute: { module, entryPoint: 'main' },
    });
    byCode.set(code, pipeline);
  }
  byProgram.set(program, pipeline);
  return pipeline;
}

/** The uniform buffer: 32-bit fields in their order, padded to 16 bytes. */
function uniformWords({ params = {} }: Program, values: Readonly<Record<string, number>>): ArrayBuffer {
  const fields: [string, ElementType][] = Object.entries({ ...ALWAYS, ...params });
  const words = new DataView(new ArrayBuffer(16 * Math.ceil(fields.length / 4)));
  for (const [i, [name, type]] of fields.entries()) {
    const value = values[name] as number;
    if (type === 'f32') words.setFloat32(4 * i, value, true);
    else words.setInt32(4 * i, value, true);
  }
  return words.buffer;
}
