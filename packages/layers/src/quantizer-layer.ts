import { add, keep, type Scalar, scalar, serialization, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { layers, type Shape } from '@tensorflow/tfjs-layers';
import { parseJson } from '@vqkit/checkpoint';
import {
  OptionError,
  phrase,
  type Quantizer,
  type RngState,
  requireInteger,
  ShapeError,
  UnsupportedError,
} from '@vqkit/core-tensor';
import { QUANTIZERS, quantizerEntry } from '@vqkit/quantizers';
import { weightsOf } from './weights.ts';

type Call = Parameters<layers.Layer['call']>[1];

/** What a layer of tf.layers may be given. */
export interface QuantizerLayerOptions {
  /** Unique in the model. */
  readonly name?: string;
  /** Shape of one example, for the first layer of a model. */
  readonly inputShape?: Shape;
  /** false: the layer quantizes as in inference, in training too. Default true. */
  readonly trainable?: boolean;
}

/** A quantizer of vqkit as a layer of tf.layers; see {@link quantizerLayer}. */
export class QuantizerLayer extends layers.Layer {
  /** In model.json. */
  static readonly className = 'VqkitQuantizer';
  /** Owned by the layer: `model.dispose()` disposes it. */
  readonly quantizer: Quantizer;
  #step = 0;
  /** The loss of the training calls since it was asked for. */
  #loss: Scalar | undefined;

  constructor(quantizer: Quantizer, options: QuantizerLayerOptions = {}) {
    super(options as ConstructorParameters<typeof layers.Layer>[0]);
    this.quantizer = quantizer;
    this.supportsMasking = true;
    // tf.layers adds what these functions give to the loss of a training step, right after the step's call of the layer.
    this.addLoss(() => this.#takeLoss());
  }

  override build(inputShape: Shape | Shape[]): void {
    const { trainable, others } = weightsOf(this.quantizer);
    this.trainableWeights = trainable;
    this.nonTrainableWeights = others;
    super.build(inputShape);
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const shape = (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as Shape;
    const axis = channelsFirst(this.quantizer) ? 1 : shape.length - 1;
    if (shape.length >= 2 && shape[axis] === this.quantizer.dim) return shape;
    throw new ShapeError(
      'quantizerLayer',
      'the input',
      `have ${this.quantizer.dim} features at axis ${axis}`,
      shape,
      'Put a layer of so many units or filters before it.',
    );
  }

  override call(inputs: Tensor | Tensor[], { training, mask }: Call): Tensor {
    const x = (Array.isArray(inputs) ? inputs[0] : inputs) as Tensor;
    const learns = Boolean(training) && this.trainable;
    const padding = (Array.isArray(mask) ? mask[0] : mask) as Tensor | null | undefined;
    return tidy(() => {
      const options = { training: learns, step: this.#step, mask: padding ?? undefined };
      const { quantized, loss } = this.quantizer.quantize(x, options);
      if (learns) this.#keepLoss(loss);
      return quantized;
    });
  }

  /** The int32 ids of what the layer would quantize, as `encode` of the quantizer. */
  encode(x: Tensor): Tensor {
    return this.quantizer.encode(x);
  }

  /** The codes of ids, as `decode` of the quantizer. */
  decode(ids: Tensor): Tensor {
    return this.quantizer.decode(ids);
  }

  override getConfig(): serialization.ConfigDict {
    const { kind, config: options, rng } = this.quantizer;
    const name = Object.values(QUANTIZERS).find((entry) => entry.kind === kind)?.name;
    if (name === undefined) {
      throw new UnsupportedError(
        'quantizerLayer',
        'the quantizer of a model that is saved',
        `be one of the registry (${Object.keys(QUANTIZERS).join(', ')})`,
        phrase(kind),
        'Save quantizer.stateDict() beside the weights of the other layers.',
      );
    }
    const description = JSON.stringify({ quantizer: name, options, rng: rng.state(), step: this.#step });
    // tf.layers rewrites every text of a configuration but those called "name".
    return { ...super.getConfig(), quantizer: { name: description } };
  }

  static override fromConfig<T extends serialization.Serializable>(
    _cls: serialization.SerializableConstructor<T>,
    { quantizer: described, ...options }: serialization.ConfigDict,
  ): T {
    const where = 'loadLayersModel: quantizer';
    const text = (described as { name?: unknown } | undefined)?.name;
    const saved = parseJson(String(text), (rule, found) => {
      const fix = 'The file is damaged; save the model again.';
      return new OptionError('loadLayersModel', 'quantizer', `be ${rule}`, phrase(found), fix);
    });
    const { quantizer: name, options: own, rng, step } = Object(saved) as Saved;
    requireInteger(where, 'step', step, 0);
    const quantizer = quantizerEntry(String(name), where).create(own as object);
    try {
      quantizer.rng.restore(rng as RngState);
      const layer = new QuantizerLayer(quantizer, options as QuantizerLayerOptions);
      layer.#step = step as number;
      return layer as unknown as T;
    } catch (error) {
      quantizer.dispose();
      throw error;
    }
  }

  /** A model within a model tidies what its layers make, and so the loss is kept until it is asked for. */
  #keepLoss(loss: Scalar): void {
    const before = this.#loss;
    this.#loss = keep(before === undefined ? loss.clone() : add(before, loss));
    before?.dispose();
    this.#step++;
  }

  #takeLoss(): Scalar {
    const loss = this.#loss;
    this.#loss = undefined;
    if (loss === undefined) return scalar(0);
    const taken = loss.clone();
    loss.dispose();
    return taken;
  }

  protected override disposeWeights(): number {
    this.#loss?.dispose();
    this.#loss = undefined;
    const count = super.disposeWeights();
    this.quantizer.dispose();
    return count;
  }
}
serialization.registerClass(QuantizerLayer);

/** What stands in model.json, as it was read. */
type Saved = Readonly<Partial<Record<'quantizer' | 'options' | 'rng' | 'step', unknown>>>;

function channelsFirst({ config }: Quantizer): boolean {
  return (config as { dataFormat?: unknown }).dataFormat === 'channelsFirst';
}

/**
 * Any quantizer as a layer of tf.layers: its output is the quantized input, of the same shape.
 *
 * - Training: `model.fit` and `trainOnBatch` add the quantizer's weighted loss to that of the model, and pass the gradient through as the quantizer
 *   says. What learns by itself (the moving averages and k-means of VQ) learns in each step. `evaluate` and the loss of validation data have the
 *   model's loss alone, as with the regularizers of tf.layers.
 * - `trainable = false`: as in inference, in training too; no loss, nothing moves.
 * - Weights: the trainable variables, as the quantizer holds them; the rest of the state dict is not trainable.
 * - `model.save` and `loadLayersModel` keep options, weights, the generator's state and the number of the step: training goes on with the same numbers, except that
 *   k-means which still waits for tokens begins to gather them anew. For a quantizer of the registry, one that is loaded by importing this package.
 * - Masks of a layer before it (`masking`, `embedding`) are those of `quantize`: padding takes part in nothing.
 *
 * @param quantizer owned by the layer from now on.
 * @throws ShapeError, when the model is made, unless the input has `quantizer.dim` features; UnsupportedError, from `model.save`, for compositions of one's own.
 * @example
 * const quantizer = quantizerLayer(createFsq({ levels: [8, 5, 5, 5] }));
 * const model = sequential({
 *   layers: [layers.dense({ units: 4, inputShape: [16] }), quantizer, layers.dense({ units: 16 })],
 * });
 * model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
 * const data = tf.randomNormal([32, 16]);
 * await model.fit(data, data, { epochs: 2, verbose: 0 });
 */
export function quantizerLayer(quantizer: Quantizer, options: QuantizerLayerOptions = {}): QuantizerLayer {
  return new QuantizerLayer(quantizer, options);
}
