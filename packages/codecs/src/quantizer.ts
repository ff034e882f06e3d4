import { add, mul, sub, type Tensor, type Tensor2D, tanh, tensor, tensor1d, tidy } from '@tensorflow/tfjs-core';
import { type Quantizer, requireKnownOptions, unitLength } from '@vqkit/core-tensor';
import { createFsq } from '@vqkit/fsq';
import { createLfq } from '@vqkit/lfq';
import { createStackQuantizer, type StackQuantizer, type TrainableLayer } from '@vqkit/residual';
import type { StackCodec } from '@vqkit/residual/codec';
import { createSimVq } from '@vqkit/simvq';
import { createVq, type VqOptions } from '@vqkit/vq';
import type { PublishedCodec } from './extract.ts';
import type { LayerOf, LayerParts } from './layers.ts';
import { wayBackOf } from './way-back.ts';

export interface QuantizerOptions {
  /**
   * How the codes of VQ learn, and what they weigh: options of `createVq`. Default: by gradient, straight-through; `{ learnableCodebook: false }` are
   * moving averages, as EnCodec and Mimi have them.
   */
  readonly vq?: Partial<
    Omit<VqOptions, 'dim' | 'codebookSize' | 'codebookDim' | 'heads' | 'useCosineSim' | 'metric' | 'dataFormat'>
  >;
}

/**
 * The trainable version of a published quantizer, on tensors and whatever engine is started: the codec's ids, and gradients to z, codes, projections and
 * convolutions. This entry imports TensorFlow.js; `loadCodec` does not.
 *
 * `s3tokenizer-v2` publishes the projection to its codes alone, so the codec has no `decode`. Its quantizer starts from the least-squares inverse of that
 * projection, which gives codes back to themselves, and trains it.
 *
 * @param codec from `loadCodec` or `loadModel`; it stays as it is.
 * @throws OptionError for an option that breaks its rule.
 * @example
 * const weight = { dtype: 'F32', shape: [2, 2], data: new Float32Array([1, 0, 0, 1]) } as const;
 * const codec = await loadCodec(encodeSafetensors({ 'quantizer.vq.layers.0._codebook.embed': weight }));
 * const quantizer = quantizerOf(codec);
 * const { quantized, indices, loss } = quantizer.quantize(tf.randomNormal([1, 50, 2]), { training: true });
 */
export function quantizerOf(codec: PublishedCodec, options: QuantizerOptions = {}): StackQuantizer {
  const where = 'quantizerOf';
  requireKnownOptions(where, options, ['vq']);
  return createStackQuantizer(codec.decodes ? codec : withWayBack(codec), (given) => {
    const parts = given as LayerParts;
    return (OF_METHOD[parts.method] as Make<LayerParts['method']>)(parts, options);
  });
}

/** The stack of a codec that has a projection to its codes, with one back. */
function withWayBack(codec: PublishedCodec): StackCodec {
  const { structure } = codec;
  if (structure.kind !== 'projected') return codec;
  return { ...codec, structure: { ...structure, out: wayBackOf(structure.into, structure.inner.dim) } };
}

type Make<Method> = (parts: LayerOf<Method>, options: QuantizerOptions) => TrainableLayer;

/** A layer on tensors, by its method. */
const OF_METHOD: { readonly [Method in LayerParts['method']]: Make<Method> } = {
  lfq: ({ options }) => ({ quantizer: createLfq(options) }),
  fsq: ({ options }) =>
    options.bound === 'twice'
      ? { quantizer: createFsq({ levels: options.levels }), before: boundOf(options.levels) }
      : { quantizer: createFsq(options) },
  simvq({ options, state }) {
    const quantizer = createSimVq(options as Parameters<typeof createSimVq>[0]);
    const tensors = Object.entries(state).map(
      ([name, { shape, data }]) => [name, tensor(Float32Array.from(data as Float32Array), [...shape])] as const,
    );
    return { quantizer: loaded(quantizer, Object.fromEntries(tensors)) };
  },
  vq({ codebook: { rows, columns, values }, options, unitInput }, { vq }) {
    const own = { learnableCodebook: true, rotationTrick: false, ...vq, ...options } as VqOptions;
    const embed = tensor(values, [1, rows, columns]);
    const quantizer = loaded(createVq(own), { '_codebook.embed': embed, '_codebook.embed_avg': embed });
    return { quantizer, ...(unitInput === true && { before: (x: Tensor2D) => unitLength(x, 1) }) };
  },
};

/** With these values in its state, and no others changed. */
function loaded<Q extends Quantizer>(quantizer: Q, values: Readonly<Record<string, Tensor>>): Q {
  const state = quantizer.stateDict();
  quantizer.loadStateDict({ ...state, ...values });
  for (const held of new Set([...Object.values(state), ...Object.values(values)])) held.dispose();
  return quantizer;
}

/** The bound of FSQ as vector-quantize-pytorch has it, that X-Codec2 and NeuCodec apply before FSQ applies it again. */
function boundOf(levels: readonly number[]): (x: Tensor2D) => Tensor2D {
  const half = levels.map((count) => ((count - 1) * 1.001) / 2);
  const offset = levels.map((count) => (count % 2 === 0 ? 0.5 : 0));
  const shift = half.map((h, i) => Math.atanh((offset[i] as number) / h));
  return (x) => tidy(() => sub(mul(tanh(add(x, tensor1d(shift))), tensor1d(half)), tensor1d(offset)) as Tensor2D);
}
