import { mul, type Scalar, type Tensor, type Tensor2D, tidy, type Variable } from '@tensorflow/tfjs-core';
import { createRng, type Quantizer } from '@vqkit/core-tensor';
import { createLinear, gelu, groupNorm, type Linear } from '@vqkit/nn';
import { byName } from './by-name.ts';

/** The autoencoder of every training experiment: each vector is a token, encoder and decoder have one hidden layer. */
export interface TokenAutoencoder {
  readonly quantizer: Quantizer;
  forward(vectors: Tensor2D, call: { training: boolean; step: number }): TokenPass;
  /** The vectors that the quantizer would get. */
  latents(vectors: Tensor2D): Tensor2D;
  /** All, by TensorFlow.js's names. */
  variables(): Record<string, Variable>;
  /** By part: the gradients of each are reported apart. */
  readonly parts: Readonly<Record<Part, readonly Variable[]>>;
  dispose(): void;
}

export type Part = 'encoder' | 'quantizer' | 'decoder';

interface TokenPass {
  readonly latents: Tensor2D;
  readonly quantized: Tensor2D;
  readonly indices: Tensor;
  readonly output: Tensor2D;
  readonly loss: Scalar;
  readonly losses: Readonly<Record<string, Scalar>>;
}

export interface TokenAutoencoderOptions {
  readonly inputDim: number;
  readonly hidden: number;
  readonly quantizer: Quantizer;
  /** Normalises every latent to mean 0 and variance 1 over its features before it is quantized. */
  readonly latentNorm: boolean;
  /** Factor of the initial weights of the encoder's last layer, and so of the first latents. */
  readonly latentScale: number;
  readonly seed: number;
}

/**
 *     encoder   linear D → h, GELU, linear h → d, LayerNorm without affine part if asked for
 *     quantizer
 *     decoder   linear d → h, GELU, linear h → D
 *
 * with PyTorch's default initialisation.
 */
export function createTokenAutoencoder(options: TokenAutoencoderOptions): TokenAutoencoder {
  const { inputDim, hidden, quantizer, latentNorm, latentScale, seed } = options;
  const rng = createRng(seed).fork('weights');
  const linear = (name: string, from: number, to: number): Linear =>
    createLinear({ name, inputDim: from, outputDim: to, bias: true, rng: rng.fork(name) });
  const { dim } = quantizer;
  const encoder = [linear('encoder.1', inputDim, hidden), linear('encoder.2', hidden, dim)] as const;
  const decoder = [linear('decoder.1', dim, hidden), linear('decoder.2', hidden, inputDim)] as const;
  if (latentScale !== 1) {
    tidy(() => {
      for (const { variable } of encoder[1].parameters) variable.assign(mul(variable, latentScale));
    });
  }

  const toLatents = (vectors: Tensor2D): Tensor2D => {
    const latents = encoder[1].apply(gelu(encoder[0].apply(vectors)));
    return latentNorm ? groupNorm(latents, 1) : latents;
  };
  const variablesOf = (layers: readonly Linear[]): Variable[] =>
    layers.flatMap(({ parameters }) => parameters.map(({ variable }) => variable));

  const parts = {
    encoder: variablesOf(encoder),
    quantizer: Object.values(quantizer.variables()),
    decoder: variablesOf(decoder),
  };

  return {
    quantizer,
    parts,
    variables: () => byName(Object.values(parts).flat()),
    latents: (vectors) => tidy(() => toLatents(vectors)),
    forward(vectors, { training, step }) {
      const latents = toLatents(vectors);
      const { quantized, indices, loss, losses } = quantizer.quantize(latents, { training, step });
      const codes = quantized as Tensor2D;
      return {
        latents,
        quantized: codes,
        indices,
        output: decoder[1].apply(gelu(decoder[0].apply(codes))),
        loss,
        losses,
      };
    },
    dispose() {
      quantizer.dispose();
      for (const variable of [...variablesOf(encoder), ...variablesOf(decoder)]) variable.dispose();
    },
  };
}
