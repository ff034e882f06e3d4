import { bytesPerValue, CheckpointError, count, type SafeDtype } from '@vqkit/checkpoint';
import { phrase, shorten, show } from '@vqkit/core-tensor/errors';
import type { OpenFile, TensorInfo } from './open-file.ts';
import type { Source } from './source.ts';

/** What is read at a time, where no tensor's values stand. */
const WINDOW_BYTES = 64 * 1024;
/** The longest tag and number of a field. */
const HEAD_BYTES = 20;
const MOST_AXES = 64;
const FIX = 'The file is damaged or cut short; export or download it again.';

/** `TensorProto.DataType`, of those that have values here. */
const TYPES: { readonly [type in number]?: SafeDtype } = {
  1: 'F32',
  2: 'U8',
  3: 'I8',
  4: 'U16',
  5: 'I16',
  6: 'I32',
  7: 'I64',
  9: 'BOOL',
  10: 'F16',
  11: 'F64',
  12: 'U32',
  13: 'U64',
  16: 'BF16',
};

/** Numbers of fields: of ModelProto, of GraphProto, and of TensorProto. */
const GRAPH = 7;
const INITIALIZER = 5;
const [DIMS, TYPE, FLOATS, NAME, RAW, DOUBLES] = [1, 2, 4, 8, 9, 10];

/** A field of a message: a number, or bytes of the file. */
interface Field {
  readonly field: number;
  readonly value: number;
  /** Undefined for a number. */
  readonly bytes: readonly [begin: number, end: number] | undefined;
}

interface Placed extends TensorInfo {
  readonly begin: number;
}

/** The initialisers of an ONNX file, by the names that they have there, which are PyTorch's where nothing was folded. Only what stands around their values is read. */
export async function openOnnx(source: Source): Promise<OpenFile> {
  const { name, size } = source;
  const fail = (rule: string, found: string): never => {
    throw new CheckpointError('openWeights', name, rule, phrase(found), FIX);
  };
  let start = 0;
  let window = new Uint8Array();
  /** The bytes at a place, as many as a field's head has, or up to the end. */
  const bytesAt = async (at: number): Promise<Uint8Array> => {
    if (at < start || Math.min(at + HEAD_BYTES, size) > start + window.length) {
      start = at;
      window = new Uint8Array(await source.read(at, Math.min(size, at + WINDOW_BYTES)));
    }
    return window.subarray(at - start);
  };
  async function* fieldsOf(begin: number, end: number): AsyncGenerator<Field> {
    for (let at = begin; at < end; ) {
      const head = await bytesAt(at);
      let used = 0;
      const number = (): number => {
        let value = 0;
        for (let scale = 1; ; scale *= 128) {
          const byte = head[used++];
          if (byte === undefined || used > HEAD_BYTES) return fail('have whole fields', `a cut one at ${at}`);
          value += (byte & 127) * scale;
          if (byte < 128) return value;
        }
      };
      const tag = number();
      const kind = tag & 7;
      const length = kind === 2 ? number() : kind === 1 ? 8 : kind === 5 ? 4 : 0;
      if (![0, 1, 2, 5].includes(kind)) fail('have fields of numbers and bytes', `kind ${kind} at ${at}`);
      const value = kind === 0 ? number() : 0;
      const from = at + used;
      if (from + length > end) fail(`have fields within ${end} bytes`, `one of ${length} bytes at ${at}`);
      yield { field: Math.floor(tag / 8), value, bytes: kind === 0 ? undefined : [from, from + length] };
      at = from + length;
    }
  }
  const readTensor = async (begin: number, end: number): Promise<readonly [string, Placed] | undefined> => {
    let [own, type] = ['', 0];
    const shape: number[] = [];
    let values: readonly [number, number] | undefined;
    for await (const { field, value, bytes } of fieldsOf(begin, end)) {
      if (field === TYPE) type = value;
      if (field === DIMS) {
        // Packed or not.
        const axes = bytes === undefined ? [value] : await axesOf(...bytes);
        shape.push(...axes);
        if (shape.length > MOST_AXES) fail(`have tensors of at most ${MOST_AXES} axes`, 'more');
      }
      if (bytes === undefined) continue;
      if (field === NAME) own = await textOf(...bytes);
      if (field === RAW || (field === FLOATS && type === 1) || (field === DOUBLES && type === 11)) values = bytes;
    }
    const dtype = TYPES[type];
    if (values === undefined || dtype === undefined) return undefined;
    const expected = count(shape) * bytesPerValue(dtype);
    const held = values[1] - values[0];
    if (held !== expected) fail(`hold ${expected} bytes (${dtype} ${show(shape)}) in '${shorten(own)}'`, `${held}`);
    return [own, { dtype, shape, begin: values[0] }];
  };
  const textOf = async (begin: number, end: number): Promise<string> =>
    new TextDecoder().decode(await source.read(begin, end));
  const axesOf = async (begin: number, end: number): Promise<number[]> => {
    if (end - begin > MOST_AXES * 10) fail(`have tensors of at most ${MOST_AXES} axes`, 'more');
    const axes = [0];
    let scale = 1;
    for (const byte of await source.read(begin, end)) {
      axes[axes.length - 1] = (axes.at(-1) ?? 0) + (byte & 127) * scale;
      scale = byte < 128 ? 1 : scale * 128;
      if (byte < 128) axes.push(0);
    }
    return axes.slice(0, -1);
  };

  const tensors = new Map<string, Placed>();
  let graphs = 0;
  for await (const { field, bytes } of fieldsOf(0, size)) {
    if (field !== GRAPH || bytes === undefined) continue;
    graphs++;
    for await (const { field: inner, bytes: tensor } of fieldsOf(...bytes)) {
      if (inner !== INITIALIZER || tensor === undefined) continue;
      const found = await readTensor(...tensor);
      if (found === undefined) continue;
      if (tensors.has(found[0])) fail('hold every initialiser once', `'${shorten(found[0])}' twice`);
      tensors.set(...found);
    }
  }
  if (graphs !== 1) fail('have one graph', `${graphs}`);
  return {
    tensors,
    async readBytes(key) {
      const { begin = 0, dtype = 'U8', shape = [0] } = tensors.get(key) ?? {};
      return source.read(begin, begin + count(shape) * bytesPerValue(dtype));
    },
  };
}
