/** One operation of a network, as {@link Module.describe} lists it. */
export interface Layer {
  /** Path of its parameters, such as `encoder.conv1`; of what has none, the path of the module that does it. */
  readonly name: string;
  /** What it does, by the name of its module: `conv2d`, `groupNorm`, `gelu`, `add`. */
  readonly operation: string;
  /** What decides how it does that, such as `{ kernel: [3, 3], stride: [1, 1] }`. */
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** The values that it reads: 0 is the input of the network, i the result of the i-th layer. */
  readonly inputs: readonly number[];
  /** Of its result, channels last. */
  readonly shape: readonly number[];
  /** Numbers that it learns. */
  readonly parameters: number;
  /** Multiplications and additions in convolutions, linear layers and attention; 0 for the others, which take little. */
  readonly flops: number;
  /** Places of the input that one place of the result depends on, along each axis between batch and channels. */
  readonly receptiveField: readonly number[];
}

export type Attribute = number | string | boolean | readonly number[];

/** A network as a list of its layers: all that a summary, a count or an export to another format needs. */
export interface Description {
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  /** In the order in which they run. */
  readonly layers: readonly Layer[];
  readonly parameters: number;
  readonly flops: number;
  /** Of the result, see {@link Layer.receptiveField}; infinite where attention sees everything. */
  readonly receptiveField: readonly number[];
}

/** How far a layer sees along one axis: `taps` places of its input, and how many places of the input one step of the result is. */
export interface Reach {
  readonly taps: number;
  readonly stride: number;
}

/** What a module tells of one of its operations. */
export interface LayerOutline {
  readonly name: string;
  readonly operation: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly inputs: readonly Value[];
  readonly shape: readonly number[];
  readonly parameters?: number;
  readonly flops?: number;
  /** Along each axis between batch and channels. Default one place, one step. */
  readonly reach?: readonly Reach[];
}

/** A value inside of a network that is being described: its place in the list, and its shape. */
export interface Value {
  readonly place: number;
  readonly shape: readonly number[];
}

/** The list that is being written. */
export interface Outline {
  layer(layer: LayerOutline): Value;
}

/** Field and step of a value along one axis, both in places of the input. */
interface Field {
  readonly size: number;
  readonly step: number;
}

/** Lists what `trace` tells of a network for an input of this shape. */
export function describeNetwork(
  inputShape: readonly number[],
  trace: (outline: Outline, x: Value) => Value,
): Description {
  const axes = inputShape.slice(1, -1).map((): Field => ({ size: 1, step: 1 }));
  const fields: Field[][] = [axes];
  const layers: Layer[] = [];
  const output = trace(
    {
      layer({ name, operation, attributes = {}, inputs, shape, parameters = 0, flops = 0, reach }) {
        const seen = inputs.map(({ place }) => fields[place] as Field[]);
        const field = axes.map((_, axis): Field => {
          const { taps, stride } = reach?.[axis] ?? { taps: 1, stride: 1 };
          const size = Math.max(...seen.map((own) => (own[axis] as Field).size));
          const step = Math.max(...seen.map((own) => (own[axis] as Field).step));
          return { size: size + (taps - 1) * step, step: step * stride };
        });
        fields.push(field);
        layers.push({
          name,
          operation,
          attributes,
          inputs: inputs.map(({ place }) => place),
          shape,
          parameters,
          flops,
          receptiveField: whole(field),
        });
        return { place: layers.length, shape };
      },
    },
    { place: 0, shape: inputShape },
  );
  const total = (key: 'parameters' | 'flops'): number => layers.reduce((sum, layer) => sum + layer[key], 0);
  return {
    inputShape,
    outputShape: output.shape,
    layers,
    parameters: total('parameters'),
    flops: total('flops'),
    receptiveField: whole(fields[output.place] as Field[]),
  };
}

/** Behind upsampling steps are parts of a place. */
function whole(field: readonly Field[]): number[] {
  return field.map(({ size }) => Math.ceil(size));
}
