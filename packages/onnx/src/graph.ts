import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx_pb.ts';

/** Version of ONNX's operators that files are written in: onnxruntime has it since 1.12, of 2022. */
const OPSET = 17;
/** Version of the file format that came with it. */
const IR_VERSION = 8n;

/** Types of tensors by the numbers of TensorProto.DataType. */
const ELEMENT_TYPES = { float32: 1, int32: 6, int64: 7, bool: 9, float64: 11 } as const;
type ElementType = keyof typeof ELEMENT_TYPES;
type Values = Float32Array | Float64Array | Int32Array | BigInt64Array;

/** Types of attributes by the numbers of AttributeProto.AttributeType. */
const FLOAT = 1;
const INT = 2;
const STRING = 3;
const INTS = 7;

/** A plain number is an integer to ONNX. */
type NodeAttribute = number | string | readonly number[] | { readonly float: number };

/** An input or output: an axis has a length, or a name where any length will do. */
export interface Port {
  readonly name: string;
  readonly type: 'float32' | 'int32';
  readonly shape: readonly (number | string)[];
}

/** A graph that is being written. Values are named by strings. */
export interface Graph {
  /** The same graph, whose next nodes are named after this part of the model. */
  at(path: string): Graph;
  /** Adds an operation and gives its result. */
  node(operation: string, inputs: readonly string[], attributes?: Readonly<Record<string, NodeAttribute>>): string;
  /** Weights under their name in the state dict; the second time a name comes, the first tensor is meant. */
  weight(name: string, shape: readonly number[], values: Float32Array): string;
  /** A tensor of a few numbers. Equal ones are stored once. */
  floats(values: ArrayLike<number>, shape?: readonly number[]): string;
  doubles(values: ArrayLike<number>, shape?: readonly number[]): string;
  int32(values: ArrayLike<number>, shape?: readonly number[]): string;
  /** A shape, or other arguments of an operation. */
  int64(values: readonly number[]): string;
  cast(value: string, to: ElementType): string;
}

/**
 * Writes one graph as the bytes of an ONNX file. The same graph gives the same bytes.
 *
 * @param trace adds the nodes, given the names of the inputs, and returns those of the outputs in their order.
 */
export function writeModel(
  { name, inputs, outputs, metadata }: Ports,
  trace: (graph: Graph, inputs: readonly string[]) => readonly string[],
): Uint8Array {
  const nodes: NodeProto[] = [];
  const weights = new Map<string, TensorProto>();
  const small = new Map<string, string>();
  const constant = (type: ElementType, values: Values, shape: readonly number[]): string => {
    const key = `${type} ${shape.join()}: ${values.join()}`;
    const known = small.get(key);
    if (known !== undefined) return known;
    const made = `constant${small.size}`;
    small.set(key, made);
    weights.set(made, tensorProto(made, type, shape, values));
    return made;
  };
  const node = (path: string, ...[operation, operands, attributes = {}]: Parameters<Graph['node']>): string => {
    const output = `${path === '' ? '' : `${path}/`}${operation}${nodes.length}`;
    nodes.push(
      create(NodeProtoSchema, {
        name: output,
        opType: operation,
        input: [...operands],
        output: [output],
        attribute: Object.entries(attributes).map(attributeProto),
      }),
    );
    return output;
  };
  const graphAt = (path: string): Graph => ({
    at: graphAt,
    node: (...call) => node(path, ...call),
    weight(weight, shape, values) {
      if (!weights.has(weight)) weights.set(weight, tensorProto(weight, 'float32', shape, values));
      return weight;
    },
    floats: (values, shape = [values.length]) => constant('float32', Float32Array.from(values), shape),
    doubles: (values, shape = [values.length]) => constant('float64', Float64Array.from(values), shape),
    int32: (values, shape = [values.length]) => constant('int32', Int32Array.from(values), shape),
    int64: (values) => constant('int64', BigInt64Array.from(values, BigInt), [values.length]),
    cast: (value, to) => node(path, 'Cast', [value], { to: ELEMENT_TYPES[to] }),
  });

  const results = trace(
    graphAt(''),
    inputs.map((port) => port.name),
  );
  // An output has a name of its own, also where it is an input or a result that is used elsewhere.
  results.forEach((value, i) => {
    const output = (outputs[i] as Port).name;
    nodes.push(create(NodeProtoSchema, { name: output, opType: 'Identity', input: [value], output: [output] }));
  });
  const model: ModelProto = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: 'vqkit',
    opsetImport: [{ domain: '', version: BigInt(OPSET) }],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    graph: {
      name,
      node: nodes,
      initializer: [...weights.values()],
      input: inputs.map(valueProto),
      output: outputs.map(valueProto),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

/** What a graph is called, takes and gives. */
export interface Ports {
  readonly name: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Texts that the file keeps beside the graph. */
  readonly metadata: Readonly<Record<string, string>>;
}

function attributeProto([name, value]: [string, NodeAttribute]): AttributeProto {
  if (typeof value === 'number') return create(AttributeProtoSchema, { name, type: INT, i: BigInt(value) });
  if (typeof value === 'string') {
    return create(AttributeProtoSchema, { name, type: STRING, s: new TextEncoder().encode(value) });
  }
  if ('float' in value) return create(AttributeProtoSchema, { name, type: FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: INTS, ints: value.map(BigInt) });
}

function valueProto({ name, type, shape }: Port): ValueInfoProto {
  const dim = shape.map((axis) => (typeof axis === 'string' ? { dimParam: axis } : { dimValue: BigInt(axis) }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { tensorType: { elemType: ELEMENT_TYPES[type], shape: { dim } } },
  });
}

function tensorProto(name: string, type: ElementType, shape: readonly number[], values: Values): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: ELEMENT_TYPES[type],
    dims: shape.map(BigInt),
    rawData: littleEndian(values),
  });
}

/** As ONNX stores numbers, whatever the machine. */
function littleEndian(values: Values): Uint8Array {
  const bytes = new Uint8Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));
  const isBig = new Uint8Array(new Uint16Array([1]).buffer)[0] === 0;
  if (isBig)
    for (let i = 0; i < bytes.length; i += values.BYTES_PER_ELEMENT)
      bytes.subarray(i, i + values.BYTES_PER_ELEMENT).reverse();
  return bytes;
}
