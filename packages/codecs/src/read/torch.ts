import { bytesPerValue, CheckpointError, count, isCounts, type SafeDtype } from '@vqkit/checkpoint';
import { phrase, shorten, show } from '@vqkit/core-tensor/errors';
import type { OpenFile, TensorInfo } from './open-file.ts';
import { PickledCall, PickledId, PickledName, readPickle } from './pickle.ts';
import type { Zip } from './zip.ts';

const FIX = 'The file is damaged or is no checkpoint; save its state_dict() again.';
/** More than any checkpoint nests. */
const MOST_NESTED = 64;
const LONGEST_NAME = 1000;
/** Dictionaries of a pickled torch.nn.Module that its state_dict() leaves out of the names. */
const UNNAMED = new Set(['_modules', '_parameters', '_buffers']);

const PARAMETER = /^torch\._utils\._rebuild_parameter(_with_state)?$/;
const TENSOR = /^torch\._utils\._rebuild_tensor(_v2)?$/;

const STORAGES: { readonly [name in string]?: SafeDtype } = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

/** Of values that are read by no one here: complex, as of rotary embeddings, and quantized. Their tensors are left out, like those that are sparse. */
const LEFT_OUT = /^(Complex(Float|Double)|Q(U?Int8|Int32|UInt4x2|UInt2x4))Storage$/;

/** A tensor as torch.save describes it: a view of a storage, which is a member of the archive. */
interface StoredTensor extends TensorInfo {
  readonly member: string;
  /** In values. */
  readonly offset: number;
  readonly strides: readonly number[];
}

/** The tensors of an archive of torch.save (1.6 or newer) or of TorchScript, whatever dictionaries and objects they lie in. */
export async function openTorch(zip: Zip): Promise<OpenFile> {
  const pickles = [...zip.entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickle = ''] = pickles;
  require(pickles.length === 1, zip, 'hold one data.pkl', `${pickles.length}`);
  const folder = pickle.slice(0, -'data.pkl'.length);
  const order = zip.entries.get(`${folder}byteorder`);
  if (order !== undefined) {
    const text = new TextDecoder().decode(await zip.read(`${folder}byteorder`, 0, Math.min(order.size, 16)));
    require(text === 'little', zip, 'be little-endian', show(text));
  }
  const root = readPickle(await zip.read(pickle, 0, zip.entries.get(pickle)?.size ?? 0), zip.name, zip.size);
  const tensors = new Map<string, StoredTensor>();
  collect(zip, folder, root, '', 0, new Set(), tensors);
  return {
    tensors,
    async readBytes(name) {
      const tensor = tensors.get(name);
      return tensor === undefined ? new Uint8Array() : readView(zip, tensor);
    },
  };
}

/** Walks through every container once, however often a pickle repeats it. */
function collect(
  zip: Zip,
  folder: string,
  value: unknown,
  path: string,
  depth: number,
  seen: Set<unknown>,
  tensors: Map<string, StoredTensor>,
): void {
  if (typeof value !== 'object' || value === null) return;
  const tensor = tensorOfCall(zip, folder, value, path);
  if (tensor !== undefined) {
    require(!tensors.has(path), zip, 'hold every tensor once', `'${shorten(path)}' twice`);
    require(path.length <= LONGEST_NAME, zip, `have names of at most ${LONGEST_NAME} characters`, `'${shorten(path)}'`);
    tensors.set(path, tensor);
    return;
  }
  if (seen.has(value)) return;
  seen.add(value);
  require(depth < MOST_NESTED, zip, `nest at most ${MOST_NESTED} deep`, 'deeper');
  const children = value instanceof PickledCall ? [['', value.state] as const] : entriesOf(value);
  for (const [key, child] of children) {
    const name = UNNAMED.has(key) || key === '' ? path : path === '' ? key : `${path}.${key}`;
    collect(zip, folder, child, name.slice(0, LONGEST_NAME + 1), depth + 1, seen, tensors);
  }
}

function* entriesOf(value: object): Generator<readonly [string, unknown]> {
  if (!(value instanceof Map) && !Array.isArray(value)) return;
  for (const [key, child] of value.entries()) {
    if (typeof key === 'string' || typeof key === 'number') yield [String(key), child];
  }
}

/** `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, …)`, and parameters around one. */
function tensorOfCall(zip: Zip, folder: string, value: object, path: string): StoredTensor | undefined {
  const inner = calls(value, PARAMETER) ? value.args[0] : value;
  if (!calls(inner, TENSOR)) return undefined;
  const [storage, offset, shape, strides] = inner.args;
  const [kind, type, key] = storage instanceof PickledId && Array.isArray(storage.id) ? storage.id : [];
  const tensor = `tensor '${shorten(path)}'`;
  const typeName = type instanceof PickledName ? type.name.replace(/^torch\./, '') : '';
  const dtype = Object.hasOwn(STORAGES, typeName) ? STORAGES[typeName] : undefined;
  if (kind === 'storage' && LEFT_OUT.test(typeName)) return undefined;
  require(kind === 'storage' && dtype !== undefined, zip, `have a storage of numbers for ${tensor}`, show(typeName));
  require(isCounts(shape) && shape.length <= MOST_NESTED, zip, `have a shape of integers >= 0 for ${tensor}`, show(
    shape,
  ));
  require(isCounts(strides) && strides.length === shape.length, zip, `have a stride per axis for ${tensor}`, show(
    strides,
  ));
  require(isCounts([offset]), zip, `have an offset >= 0 for ${tensor}`, show(offset));
  require(typeof key === 'string', zip, `name the storage of ${tensor}`, show(key));
  const member = `${folder}data/${key}`;
  const held = (zip.entries.get(member)?.size ?? 0) / bytesPerValue(dtype);
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] as number), Number(offset));
  const isEmpty = shape.includes(0);
  // No view that repeats values: what is read would be larger than the file.
  require(isEmpty ||
    (last < held && count(shape) <= held), zip, `hold the ${show(shape)} values of ${tensor}`, `${Math.floor(held)}`);
  return { dtype, shape, member, offset: Number(offset), strides };
}

function calls(value: unknown, name: RegExp): value is PickledCall {
  return value instanceof PickledCall && value.callee instanceof PickledName && name.test(value.callee.name);
}

/** The bytes of a view, row-major. */
async function readView(zip: Zip, { dtype, shape, member, offset, strides }: StoredTensor): Promise<Uint8Array> {
  if (shape.includes(0)) return new Uint8Array();
  const width = bytesPerValue(dtype);
  const values = count(shape);
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] as number), 0);
  const stored = await zip.read(member, offset * width, (offset + last + 1) * width);
  let dense = 1;
  const isDense = shape.reduceRight((holds, size, axis) => {
    const fits = holds && (size === 1 || strides[axis] === dense);
    dense *= size;
    return fits;
  }, true);
  if (isDense) return stored;
  const bytes = new Uint8Array(values * width);
  const place = shape.map(() => 0);
  for (let n = 0, from = 0; n < values; n++) {
    for (let b = 0; b < width; b++) bytes[n * width + b] = stored[from * width + b] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis] as number;
      place[axis] = (place[axis] as number) + 1;
      if ((place[axis] as number) < (shape[axis] as number)) break;
      from -= (strides[axis] as number) * (shape[axis] as number);
      place[axis] = 0;
    }
  }
  return bytes;
}

function require(holds: boolean, { name }: Zip, rule: string, found: string): asserts holds {
  if (!holds) throw new CheckpointError('openWeights', name, rule, phrase(found), FIX);
}
