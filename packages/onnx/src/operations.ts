import { UnsupportedError } from '@vqkit/core-tensor';
import type { Layer } from '@vqkit/nn';
import type { Graph } from './graph.ts';
import type { Weight, Weights } from './state.ts';

/** One layer that is being translated. Values are channels first: [batch, channels, …]. */
interface Call {
  readonly graph: Graph;
  readonly layer: Layer;
  readonly inputs: readonly string[];
  /** The name of a parameter in the whole model. */
  nameOf(name: string): string;
  /** A parameter of the layer, undefined where it has none of that name. */
  parameter(name: string): Weight | undefined;
  /** The same as an initialiser, if need be of another shape. */
  initialiser(name: string, shape?: readonly number[]): string;
}

type Translate = (call: Call) => string;

/** Every operation of `@vqkit/nn`, by the name that its module's description has, in operations of ONNX. */
export const OPERATIONS: Readonly<Record<string, Translate>> = {
  conv1d: convolve,
  conv2d: convolve,
  convTranspose1d: convolveTransposed,
  convTranspose2d: convolveTransposed,
  linear,
  groupNorm,
  layerNorm,
  maxPool2d: ({ graph, layer, inputs }) =>
    graph.node('MaxPool', inputs, { kernel_shape: lengths(layer, 'kernel'), strides: lengths(layer, 'stride') }),
  attention,
  snake,
  add: ({ graph, inputs }) => graph.node('Add', inputs),
  relu: ({ graph, inputs }) => graph.node('Relu', inputs),
  elu: ({ graph, inputs }) => graph.node('Elu', inputs),
  tanh: ({ graph, inputs }) => graph.node('Tanh', inputs),
  silu: ({ graph, inputs: [x = ''] }) => graph.node('Mul', [x, graph.node('Sigmoid', [x])]),
  gelu({ graph, inputs: [x = ''] }) {
    const erf = graph.node('Erf', [graph.node('Mul', [x, graph.floats([Math.SQRT1_2], [])])]);
    const twice = graph.node('Mul', [x, graph.node('Add', [erf, graph.floats([1], [])])]);
    return graph.node('Mul', [twice, graph.floats([0.5], [])]);
  },
};

/**
 * Adds one layer after the other.
 *
 * @param input the value that the first layer reads, channels first.
 * @returns the result of the last layer.
 * @throws UnsupportedError for an operation that has no translation.
 */
export function addLayers(
  where: string,
  graph: Graph,
  layers: readonly Layer[],
  weights: Weights,
  input: string,
): string {
  const values = [input];
  for (const layer of layers) {
    const translate = Object.hasOwn(OPERATIONS, layer.operation) ? OPERATIONS[layer.operation] : undefined;
    if (translate === undefined) {
      throw new UnsupportedError(
        where,
        `the operation of '${layer.name}'`,
        'be one that has a translation to ONNX',
        layer.operation,
        'Compose it of modules of @vqkit/nn, or add it to OPERATIONS in packages/onnx/src/operations.ts.',
      );
    }
    const nameOf = (name: string): string => (layer.name === '' ? name : `${layer.name}.${name}`);
    const parameter = (name: string): Weight | undefined => weights.get(nameOf(name));
    const own = graph.at(layer.name);
    values.push(
      translate({
        graph: own,
        layer,
        inputs: layer.inputs.map((place) => values[place] as string),
        nameOf,
        parameter,
        initialiser(name, shape) {
          const { shape: held, values: numbers } = parameter(name) as Weight;
          return own.weight(nameOf(name), shape ?? held, numbers);
        },
      }),
    );
  }
  return values.at(-1) as string;
}

function convolve(call: Call): string {
  const { graph, layer, inputs, initialiser } = call;
  const [x = ''] = inputs;
  const upsampled = layer.attributes.upsample === 2 ? nearestTwice(graph, x) : x;
  const operands = [upsampled, filter(call), ...biasOf(layer, initialiser)];
  return graph.node('Conv', operands, sliding(layer));
}

function convolveTransposed(call: Call): string {
  const { graph, layer, inputs, initialiser } = call;
  const [x = ''] = inputs;
  const operands = [x, filter(call), ...biasOf(layer, initialiser)];
  const more = lengths(layer, 'kernel').map(() => Number(layer.attributes.outputPadding));
  return graph.node('ConvTranspose', operands, { ...sliding(layer), output_padding: more });
}

function sliding(layer: Layer): Record<string, readonly number[]> {
  const kernel = lengths(layer, 'kernel');
  const [top = 0, bottom = 0, left = top, right = bottom] = lengths(layer, 'padding');
  const isLine = kernel.length === 1;
  return {
    kernel_shape: kernel,
    strides: lengths(layer, 'stride'),
    dilations: lengths(layer, 'dilation'),
    pads: isLine ? [top, bottom] : [top, left, bottom, right],
  };
}

/** Of a filter with weight norm the product: w = g · v / ‖v‖ for each place of the first axis. */
function filter({ graph, layer, nameOf, parameter, initialiser }: Call): string {
  if (layer.attributes.weightNorm !== true) return initialiser('weight');
  const { shape, values: v } = parameter('weight_v') as Weight;
  const { values: g } = parameter('weight_g') as Weight;
  const size = v.length / g.length;
  const weight = Float32Array.from(v);
  g.forEach((length, row) => {
    const own = weight.subarray(row * size, (row + 1) * size);
    const factor = length / Math.hypot(...own);
    own.forEach((value, i) => {
      own[i] = value * factor;
    });
  });
  return graph.weight(nameOf('weight'), shape, weight);
}

/** Every pixel 2 × 2 times. */
function nearestTwice(graph: Graph, x: string): string {
  return graph.node('Resize', [x, '', graph.floats([1, 1, 2, 2])], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
}

/** Over the channels: of more than two axes a convolution with a filter of one tap. */
function linear({ graph, layer, inputs: [x = ''], initialiser }: Call): string {
  const { inputs = 0, outputs = 0 } = layer.attributes;
  const between = layer.shape.slice(1, -1).map(() => 1);
  const bias = biasOf(layer, initialiser);
  if (between.length === 0) return graph.node('Gemm', [x, initialiser('weight'), ...bias], { transB: 1 });
  return graph.node('Conv', [x, initialiser('weight', [Number(outputs), Number(inputs), ...between]), ...bias]);
}

/** Each group of channels of one example gets mean 0 and variance 1, as an instance of its own. */
function groupNorm({ graph, layer, inputs: [x = ''], initialiser }: Call): string {
  const groups = Number(layer.attributes.groups);
  const apart = graph.node('Reshape', [x, graph.int64([0, groups, -1])]);
  const alike = (value: number): string => graph.floats(new Float32Array(groups).fill(value));
  const normed = graph.node('InstanceNormalization', [apart, alike(1), alike(0)], {
    epsilon: { float: Number(layer.attributes.epsilon) },
  });
  const y = graph.node('Reshape', [normed, graph.node('Shape', [x])]);
  if (layer.attributes.affine !== true) return y;
  const alongChannels = [Number(layer.attributes.channels), ...layer.shape.slice(1, -1).map(() => 1)];
  const scaled = graph.node('Mul', [y, initialiser('weight', alongChannels)]);
  return graph.node('Add', [scaled, initialiser('bias', alongChannels)]);
}

function layerNorm({ graph, layer, inputs: [x = ''], initialiser }: Call): string {
  const channels = Number(layer.attributes.channels);
  const isAffine = layer.attributes.affine === true;
  const factors = isAffine ? initialiser('weight') : graph.floats(new Float32Array(channels).fill(1));
  const last = channelsLast(graph, x, layer.shape.length);
  const y = graph.node('LayerNormalization', [last, factors, ...(isAffine ? [initialiser('bias')] : [])], {
    axis: -1,
    epsilon: { float: Number(layer.attributes.epsilon) },
  });
  return channelsFirst(graph, y, layer.shape.length);
}

/** softmax(qᵀk / √d) of all places, by heads. */
function attention({ graph, layer, inputs }: Call): string {
  const heads = Number(layer.attributes.heads);
  const size = (layer.shape.at(-1) as number) / heads;
  // [batch, heads, size, places], and the places before the size.
  const [q = '', k = '', v = ''] = inputs.map((x) => graph.node('Reshape', [x, graph.int64([0, heads, size, -1])]));
  const turned = (x: string): string => graph.node('Transpose', [x], { perm: [0, 1, 3, 2] });
  const scores = graph.node('Mul', [graph.node('MatMul', [turned(q), k]), graph.floats([1 / Math.sqrt(size)], [])]);
  const mixed = graph.node('MatMul', [graph.node('Softmax', [scores], { axis: -1 }), turned(v)]);
  return graph.node('Reshape', [turned(mixed), graph.node('Shape', [inputs[0] as string])]);
}

/** x + sin²(αx) / (α + 1e-9). */
function snake({ graph, inputs: [x = ''], initialiser }: Call): string {
  const alpha = initialiser('alpha');
  const sine = graph.node('Sin', [graph.node('Mul', [x, alpha])]);
  const over = graph.node('Add', [alpha, graph.floats([1e-9], [])]);
  return graph.node('Add', [x, graph.node('Div', [graph.node('Mul', [sine, sine]), over])]);
}

/** [batch, channels, …] → [batch, …, channels]. */
export function channelsLast(graph: Graph, x: string, rank: number): string {
  if (rank === 2) return x;
  const between = Array.from({ length: rank - 2 }, (_, axis) => axis + 2);
  return graph.node('Transpose', [x], { perm: [0, ...between, 1] });
}

/** [batch, …, channels] → [batch, channels, …]. */
export function channelsFirst(graph: Graph, x: string, rank: number): string {
  if (rank === 2) return x;
  const between = Array.from({ length: rank - 2 }, (_, axis) => axis + 1);
  return graph.node('Transpose', [x], { perm: [0, rank - 1, ...between] });
}

function biasOf({ attributes }: Layer, initialiser: Call['initialiser']): string[] {
  return attributes.bias === true ? [initialiser('bias')] : [];
}

function lengths({ attributes }: Layer, name: string): readonly number[] {
  return attributes[name] as readonly number[];
}
