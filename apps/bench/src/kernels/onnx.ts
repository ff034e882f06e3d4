/**
 * The least of ONNX that the peers need: graphs of a few operators, written as the protobuf messages of onnx.proto (ModelProto,
 * GraphProto, NodeProto, TensorProto), each field by its number.
 */

const FLOAT = 1;
const INT32 = 6;
const OPSET = 17;
const IR_VERSION = 8;

interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Attributes that are integers. */
  readonly attributes?: Readonly<Record<string, number>>;
}

interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  /** Constants: name, shape and values, float32. */
  readonly constants: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly values: Float32Array;
  }[];
  /** float32 [N, width], N free. */
  readonly input: { readonly name: string; readonly width: number };
  /** int32 of N elements: [N], or [N, 1] as a product of matrices has it. */
  readonly output: { readonly name: string; readonly column: boolean };
}

/** The bytes of an .onnx file. */
function encodeOnnx({ nodes, constants, input, output }: OnnxGraph): Uint8Array {
  const graph = message([
    ...nodes.map((node) => field(1, encodeNode(node))),
    field(2, text('graph')),
    ...constants.map(({ name, shape, values }) =>
      field(
        5,
        message([
          ...shape.map((size) => number(1, size)),
          number(2, FLOAT),
          field(8, text(name)),
          field(9, bytesOf(values)),
        ]),
      ),
    ),
    field(11, valueInfo(input.name, FLOAT, ['N', input.width])),
    field(12, valueInfo(output.name, INT32, output.column ? ['N', 1] : ['N'])),
  ]);
  const opset = message([field(1, text('')), number(2, OPSET)]);
  return message([number(1, IR_VERSION), field(7, graph), field(8, opset)]);
}

/** FSQ's ids: bound, round, and the digits weighted with their place values. */
export function fsqGraph(levels: readonly number[]): Uint8Array {
  const vector = (name: string, f: (level: number, i: number) => number) => ({
    name,
    shape: [levels.length],
    values: Float32Array.from(levels, f),
  });
  const half = (level: number): number => ((level - 1) * (1 + 1e-3)) / 2;
  const offset = (level: number): number => (level % 2 === 0 ? 0.5 : 0);
  const places = levels.map((_, i) => levels.slice(0, i).reduce((product, level) => product * level, 1));
  return encodeOnnx({
    input: { name: 'z', width: levels.length },
    output: { name: 'ids', column: true },
    constants: [
      vector('shift', (level) => Math.atanh(offset(level) / half(level))),
      vector('half', half),
      vector('offset', offset),
      vector('middle', (level) => Math.floor(level / 2)),
      { name: 'places', shape: [levels.length, 1], values: Float32Array.from(places) },
    ],
    nodes: [
      { op: 'Add', inputs: ['z', 'shift'], output: 'shifted' },
      { op: 'Tanh', inputs: ['shifted'], output: 'bounded' },
      { op: 'Mul', inputs: ['bounded', 'half'], output: 'scaled' },
      { op: 'Sub', inputs: ['scaled', 'offset'], output: 'centred' },
      { op: 'Round', inputs: ['centred'], output: 'rounded' },
      { op: 'Add', inputs: ['rounded', 'middle'], output: 'digits' },
      { op: 'MatMul', inputs: ['digits', 'places'], output: 'sum' },
      { op: 'Cast', inputs: ['sum'], output: 'ids', attributes: { to: INT32 } },
    ],
  });
}

/** LFQ's ids: the signs as bits, weighted with their place values, the first the most significant. */
export function lfqGraph(dim: number): Uint8Array {
  return encodeOnnx({
    input: { name: 'x', width: dim },
    output: { name: 'ids', column: true },
    constants: [
      { name: 'zero', shape: [1], values: new Float32Array(1) },
      { name: 'places', shape: [dim, 1], values: Float32Array.from({ length: dim }, (_, i) => 2 ** (dim - 1 - i)) },
    ],
    nodes: [
      { op: 'Greater', inputs: ['x', 'zero'], output: 'signs' },
      { op: 'Cast', inputs: ['signs'], output: 'bits', attributes: { to: FLOAT } },
      { op: 'MatMul', inputs: ['bits', 'places'], output: 'sum' },
      { op: 'Cast', inputs: ['sum'], output: 'ids', attributes: { to: INT32 } },
    ],
  });
}

/**
 * The nearest of K codes `c_k = W f_k`: the largest `⟨x, c_k⟩ - |c_k|²/2`, in the space of the vectors f (`weight` given) or of the
 * codes themselves.
 */
export function nearestGraph(
  vectors: { readonly values: Float32Array; readonly count: number; readonly width: number },
  bias: Float32Array,
  weight?: { readonly values: Float32Array; readonly dim: number },
): Uint8Array {
  const { count, width } = vectors;
  const transposed = new Float32Array(count * width);
  for (let k = 0; k < count; k++) {
    for (let i = 0; i < width; i++) transposed[i * count + k] = vectors.values[k * width + i] ?? 0;
  }
  return encodeOnnx({
    input: { name: 'x', width: weight?.dim ?? width },
    output: { name: 'ids', column: false },
    constants: [
      { name: 'codes', shape: [width, count], values: transposed },
      { name: 'bias', shape: [count], values: bias },
      ...(weight === undefined ? [] : [{ name: 'weight', shape: [weight.dim, width], values: weight.values }]),
    ],
    nodes: [
      ...(weight === undefined ? [] : [{ op: 'MatMul', inputs: ['x', 'weight'], output: 'narrow' }]),
      { op: 'Gemm', inputs: [weight === undefined ? 'x' : 'narrow', 'codes', 'bias'], output: 'scores' },
      { op: 'ArgMax', inputs: ['scores'], output: 'best', attributes: { axis: 1, keepdims: 0 } },
      { op: 'Cast', inputs: ['best'], output: 'ids', attributes: { to: INT32 } },
    ],
  });
}

function encodeNode({ op, inputs, output, attributes = {} }: OnnxNode): Uint8Array {
  return message([
    ...inputs.map((name) => field(1, text(name))),
    field(2, text(output)),
    field(4, text(op)),
    ...Object.entries(attributes).map(([name, value]) =>
      field(5, message([field(1, text(name)), number(3, value), number(20, 2)])),
    ),
  ]);
}

function valueInfo(name: string, type: number, dims: readonly (string | number)[]): Uint8Array {
  const shape = message(
    dims.map((dim) => field(1, message([typeof dim === 'number' ? number(1, dim) : field(2, text(dim))]))),
  );
  const tensor = message([number(1, type), field(2, shape)]);
  return message([field(1, text(name)), field(2, message([field(1, tensor)]))]);
}

/** A field of bytes: text, a message, or raw data. */
function field(id: number, content: Uint8Array): Uint8Array {
  return message([varint((id << 3) | 2), varint(content.length), content]);
}

function number(id: number, value: number): Uint8Array {
  return message([varint(id << 3), varint(value)]);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Uint8Array.from([...bytes, rest]);
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function message(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
