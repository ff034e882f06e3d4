import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { CheckpointError } from '@vqkit/checkpoint';
import { phrase, reason, shorten } from '@vqkit/core-tensor';

/** An initialiser: a tensor that a file holds. */
export interface OnnxTensor {
  readonly name: string;
  /** Such as `FLOAT`, by the names of ONNX. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes of its values in this file; 0 where they stand in another. */
  readonly bytes: number;
}

/** What an ONNX file says of itself. */
export interface OnnxDescription {
  readonly producer: string;
  /** Versions of the sets of operators by domain, that of ONNX itself being ''. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** How often the main graph has each operation, other domains' as `domain:name`. */
  readonly operations: ReadonlyMap<string, number>;
  readonly initialisers: readonly OnnxTensor[];
}

/** Types of tensors by their number in TensorProto.DataType, and bits of one value; 0 where that says nothing. */
const TYPES: readonly (readonly [name: string, bits: number])[] = [
  ['UNDEFINED', 0],
  ['FLOAT', 32],
  ['UINT8', 8],
  ['INT8', 8],
  ['UINT16', 16],
  ['INT16', 16],
  ['INT32', 32],
  ['INT64', 64],
  ['STRING', 0],
  ['BOOL', 8],
  ['FLOAT16', 16],
  ['DOUBLE', 64],
  ['UINT32', 32],
  ['UINT64', 64],
  ['COMPLEX64', 64],
  ['COMPLEX128', 128],
  ['BFLOAT16', 16],
  ['FLOAT8E4M3FN', 8],
  ['FLOAT8E4M3FNUZ', 8],
  ['FLOAT8E5M2', 8],
  ['FLOAT8E5M2FNUZ', 8],
  ['UINT4', 4],
  ['INT4', 4],
  ['FLOAT4E2M1', 4],
];

/** More entries of one kind, or axes of one tensor, than a file has that is what it says. */
const MOST_ENTRIES = 2 ** 20;
const MOST_AXES = 64;

/**
 * What an ONNX file says of itself: operations, operator sets and initialisers, of the main graph. Nothing of the file is executed, values are not read, and what is not listed is skipped.
 *
 * @param source what to call the file in errors, such as its path.
 * @throws CheckpointError when the bytes are not an ONNX model, or an initialiser has other bytes than its shape says.
 * @example
 * const { quantize } = await exportQuantizer(createFsq({ levels: [8, 5, 5] }));
 * describeOnnx(quantize).opsets.get(''); // 17
 */
export function describeOnnx(file: Uint8Array, source = 'the file'): OnnxDescription {
  const where = `describeOnnx: ${source}`;
  const opsets = new Map<string, number>();
  const operations = new Map<string, number>();
  const initialisers: OnnxTensor[] = [];
  const [inputs, outputs]: [string[], string[]] = [[], []];
  let [producer, graphs] = ['', 0];
  const add = <T>(list: T[], value: T): void => {
    if (list.length >= MOST_ENTRIES) throw refused(where, `have at most ${MOST_ENTRIES} entries of a kind`, 'more');
    list.push(value);
  };
  const nameOf = (bytes: Uint8Array): string => {
    let name = '';
    readMessage(
      bytes,
      {
        1: (value) => {
          name = textOf(value);
        },
      },
      {},
    );
    return name;
  };
  const readNode = (bytes: Uint8Array): void => {
    let [name, domain] = ['', ''];
    readMessage(
      bytes,
      {
        4: (value) => {
          name = textOf(value);
        },
        7: (value) => {
          domain = textOf(value);
        },
      },
      {},
    );
    const operation = domain === '' || domain === 'ai.onnx' ? name : `${domain}:${name}`;
    if (operations.size >= MOST_ENTRIES) throw refused(where, `have at most ${MOST_ENTRIES} operations`, 'more');
    operations.set(operation, (operations.get(operation) ?? 0) + 1);
  };
  const readGraph = (bytes: Uint8Array): void => {
    graphs++;
    readMessage(
      bytes,
      {
        1: readNode,
        5: (value) => add(initialisers, readTensor(where, value)),
        11: (value) => add(inputs, nameOf(value)),
        12: (value) => add(outputs, nameOf(value)),
      },
      {},
    );
  };
  const readOpset = (bytes: Uint8Array): void => {
    let [domain, version] = ['', 0];
    readMessage(
      bytes,
      {
        1: (value) => {
          domain = textOf(value);
        },
      },
      {
        2: (value) => {
          version = Number(value);
        },
      },
    );
    if (opsets.size >= MOST_AXES) throw refused(where, `have at most ${MOST_AXES} operator sets`, 'more');
    opsets.set(domain === 'ai.onnx' ? '' : domain, version);
  };
  try {
    readMessage(
      file,
      {
        2: (value) => {
          producer = textOf(value);
        },
        7: readGraph,
        8: readOpset,
      },
      {},
    );
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError(
      where,
      'the bytes',
      'be a protobuf message whole',
      reason(error),
      'Export or download the file again.',
      { cause: error },
    );
  }
  if (graphs !== 1 || opsets.size === 0) {
    throw refused(where, 'have a graph and an operator set', `${graphs} graphs and ${opsets.size} operator sets`);
  }
  return { producer, opsets, inputs, outputs, operations, initialisers };
}

function readTensor(where: string, file: Uint8Array): OnnxTensor {
  const shape: number[] = [];
  let [name, type, isElsewhere] = ['', 0, false];
  let bytes = 0;
  let isRaw = false;
  const addAxis = (length: bigint): void => {
    if (shape.length >= MOST_AXES) throw refused(where, `have tensors of at most ${MOST_AXES} axes`, 'more');
    shape.push(Number(length));
  };
  const held = (value: Uint8Array): void => {
    bytes += value.length;
  };
  readMessage(
    file,
    {
      1: (packed) => {
        const reader = new BinaryReader(packed);
        while (reader.pos < reader.len) addAxis(BigInt(reader.int64()));
      },
      4: held,
      5: held,
      6: held,
      7: held,
      8: (value) => {
        name = textOf(value);
      },
      9: (value) => {
        isRaw = true;
        bytes = value.length;
      },
      10: held,
      11: held,
    },
    {
      1: addAxis,
      2: (value) => {
        type = Number(value);
      },
      14: (value) => {
        isElsewhere = value === 1n;
      },
    },
  );
  const [dtype, bits] = TYPES[type] ?? [`type ${type}`, 0];
  const count = shape.reduce((product, length) => product * length, 1);
  const tensor = `initialiser '${shorten(name)}'`;
  if (!Number.isSafeInteger(count) || shape.some((length) => length < 0)) {
    throw new CheckpointError(where, tensor, 'have a shape of lengths >= 0', shape, 'Export the file again.');
  }
  const wanted = Math.ceil((count * bits) / 8);
  if (isRaw && !isElsewhere && bits > 0 && bytes !== wanted) {
    const rule = `hold ${wanted} bytes, ${dtype} of its shape`;
    throw new CheckpointError(where, tensor, rule, phrase(`${bytes}`, bytes), 'Export or download the file again.');
  }
  return { name, dtype, shape, bytes: isElsewhere ? 0 : bytes };
}

/** Reads the fields of a message that are asked for, by their number, and passes over the others. */
function readMessage(
  bytes: Uint8Array,
  ofBytes: Readonly<Record<number, (value: Uint8Array) => void>>,
  ofIntegers: Readonly<Record<number, (value: bigint) => void>>,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    const [takesBytes, takesInteger] = [ofBytes[field], ofIntegers[field]];
    if (takesBytes !== undefined && type === WireType.LengthDelimited) takesBytes(reader.bytes());
    else if (takesInteger !== undefined && type === WireType.Varint) takesInteger(BigInt(reader.int64()));
    else reader.skip(type, field);
  }
}

/** A name as a terminal may show it. */
function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, 1024)).replace(/\p{Cc}/gu, '\ufffd');
}

function refused(where: string, rule: string, found: string): CheckpointError {
  return new CheckpointError(where, 'the model', rule, phrase(found), 'Export or download the file again.');
}
