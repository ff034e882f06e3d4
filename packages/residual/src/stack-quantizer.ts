import {
  add,
  reshape,
  type Scalar,
  scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
  type Variable,
  zeros,
} from '@tensorflow/tfjs-core';
import {
  DtypeError,
  detach,
  ownedVariable,
  type Parameter,
  type Quantizer,
  requireBoolean,
  requireInteger,
  requireKnownOptions,
  ShapeError,
  zerosFrom,
} from '@vqkit/core-tensor';
import type { StackCodec } from './stack-codec.ts';
import { partOf, type TrainableLayer } from './stack-parts.ts';
import { createNestedState } from './state.ts';

/** What a call of `quantize` may say. */
export interface StackQuantizeOptions {
  /** Computes the loss. Default false. */
  readonly training?: boolean;
  /** The first so many layers only. Default: all. */
  readonly layers?: number;
}

export interface StackQuantizeResult {
  /** Shape of z; with a gradient to z, by identity, and to the variables. */
  readonly quantized: Tensor;
  /** int32, one tensor per layer: [batch, ids], or [ids] where z is [frames, dim]. */
  readonly indices: Tensor[];
  /** The sum of the layers' own. 0 unless training. */
  readonly loss: Scalar;
}

/** The trainable twin of a {@link StackCodec}, on tensors: each layer has ids of its own. */
export interface StackQuantizer {
  readonly dim: number;
  readonly codebookSizes: readonly number[];
  readonly strides: readonly number[];
  readonly block: number;
  /** @param z float32 [frames, dim] or [batch, …, dim], each example of whole blocks of frames. */
  quantize(z: Tensor, options?: StackQuantizeOptions): StackQuantizeResult;
  encode(z: Tensor, options?: Pick<StackQuantizeOptions, 'layers'>): Tensor[];
  /** The ids of all layers, or of the first ones → [batch, frames, dim], or [frames, dim]. */
  decode(indices: readonly Tensor[]): Tensor;
  variables(): Record<string, Variable>;
  stateDict(): Record<string, Tensor>;
  loadStateDict(tensors: Readonly<Record<string, Tensor>>): void;
  dispose(): void;
}

const WHERE = 'createStackQuantizer';

/**
 * A codec's stack as a quantizer on tensors, on every engine: the same composition of the same layers, trainable. Its ids are the codec's, but where
 * two codes are equally near within float32's rounding, because an engine sums projections and means in float32.
 *
 * - Gradient of `quantized`: identity to z; projections, convolutions and codes get that of what they put out.
 * - `loss` is the sum of the layers' own losses, which reach z, the projections and the codes.
 * - State: `quantizers.0.…` for the layers in order, and projections and convolutions by their place in the composition.
 *
 * @param createLayer makes the quantizer of one layer of what `layerOf` was told of it; the stack owns it from then on.
 * @throws OptionError, ShapeError, DtypeError for arguments that break a rule.
 * @example
 * const codebook = { shape: [2, 1], data: [0, 1] };
 * const layer = layerOf(createVqCodec({ dim: 1, codebookSize: 2 }, { codebook }));
 * const stack = createStackQuantizer(layer, () => ({ quantizer: createVq({ dim: 1, codebookSize: 2 }) })); // with codes of its own
 * const { quantized, indices } = stack.quantize(tf.tensor2d([[0.9], [0.2]])); // [2, 1] and one int32 [2]
 */
export function createStackQuantizer(
  stack: StackCodec,
  createLayer: (quantizer: unknown) => TrainableLayer,
): StackQuantizer {
  const { dim, codebookSizes, strides, block } = stack;
  const quantizers: Quantizer[] = [];
  const parameters: Parameter[] = [];
  const root = partOf(stack, '', {
    createLayer(parts) {
      const layer = createLayer(parts);
      quantizers.push(layer.quantizer);
      return layer;
    },
    own(name, values, shape, layout) {
      const variable = ownedVariable(values, shape, true);
      parameters.push({ name, variable, trainable: true, ...(layout && { layout }) });
      return variable;
    },
  });
  const state = createNestedState(WHERE, parameters, 'quantizers', quantizers).parameters;

  const rowsOf = (where: string, z: Tensor): { rows: Tensor2D; batch: number[] } => {
    const { shape } = z;
    const fix = 'Pass [frames, dim] or [batch, frames, dim].';
    if (z.dtype !== 'float32') throw new DtypeError(where, 'z', 'be float32', z.dtype, fix);
    if (shape.length < 2 || shape.at(-1) !== dim)
      throw new ShapeError(where, 'z', `be [frames, ${dim}] or [batch, …, ${dim}]`, shape, fix);
    const batch = shape.length === 2 ? [] : shape.slice(0, 1);
    const frames = shape.slice(batch.length, -1).reduce((a, b) => a * b, 1);
    if (frames % block !== 0)
      throw new ShapeError(where, 'frames', `be a multiple of ${block}`, frames, 'Pass whole blocks.');
    return { rows: reshape(z, [-1, dim]), batch };
  };
  const layersOf = (where: string, layers: number = strides.length): number => {
    requireInteger(where, 'layers', layers, 1, strides.length);
    return layers;
  };
  const shaped = (indices: readonly Tensor1D[], batch: readonly number[]): Tensor[] =>
    indices.map((own) =>
      batch.length === 0 ? own : reshape(own, [batch[0] as number, own.size / Math.max(1, batch[0] as number)]),
    );

  const noIds = (layers: number): Tensor1D[] => Array.from({ length: layers }, () => zeros([0], 'int32'));

  return {
    dim,
    codebookSizes,
    strides,
    block,
    quantize(z, options = {}) {
      const where = `${WHERE}().quantize`;
      requireKnownOptions(where, options, ['training', 'layers']);
      const { training = false } = options;
      requireBoolean(where, 'training', training);
      const layers = layersOf(where, options.layers);
      return tidy(() => {
        const { rows, batch } = rowsOf(where, z);
        if (rows.size === 0) {
          const loss = zerosFrom([], [z, ...Object.values(state.variables())]) as Scalar;
          return { quantized: z.clone(), indices: shaped(noIds(layers), batch), loss };
        }
        const { quantized, indices, losses } = root.run(rows, rows, layers, training);
        const loss = losses.reduce<Scalar>((sum, own) => add(sum, own), scalar(0));
        return { quantized: reshape(quantized, z.shape), indices: shaped(indices, batch), loss };
      });
    },
    encode(z, options = {}) {
      const where = `${WHERE}().encode`;
      requireKnownOptions(where, options, ['layers']);
      const layers = layersOf(where, options.layers);
      return tidy(() => {
        const { rows, batch } = rowsOf(where, z);
        const own = detach(rows);
        return shaped(rows.size === 0 ? noIds(layers) : root.run(own, own, layers, false).indices, batch);
      });
    },
    decode(indices) {
      const where = `${WHERE}().decode`;
      requireInteger(where, 'indices.length', indices.length, 1, strides.length);
      const batch = indices[0]?.shape.slice(0, -1) ?? [];
      const frames = Math.round((indices[0]?.size ?? 0) * (strides[0] as number));
      for (const [layer, own] of indices.entries()) {
        const [argument, fix] = [`indices[${layer}]`, 'Pass what encode gave.'];
        if (own.dtype !== 'int32') throw new DtypeError(where, argument, 'be int32', own.dtype, fix);
        const length = Math.round(frames / (strides[layer] as number));
        if (own.size !== length || own.rank !== batch.length + 1 || frames % block !== 0)
          throw new ShapeError(where, argument, `be ${length} ids, of whole blocks`, own.shape, fix);
      }
      if (frames === 0) return zeros([...batch, 0, dim]);
      return tidy(() => reshape(root.decode(indices.map((own) => reshape(own, [-1]))), [...batch, -1, dim]));
    },
    variables: state.variables,
    stateDict: state.stateDict,
    loadStateDict: state.loadStateDict,
    dispose: state.dispose,
  };
}
