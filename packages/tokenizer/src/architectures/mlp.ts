import { requireInteger, requireOneOf, requireOption } from '@vqkit/core-tensor';
import { type Activation, createActivation, createLinearLayer, type Module, type Scope } from '@vqkit/nn';
import { vectors } from '../modalities/vectors.ts';
import type { Architecture } from './architecture.ts';

export interface MlpConfig {
  /** Features of a vector. */
  readonly features: number;
  /** Widths of the encoder's hidden layers; the decoder mirrors them. */
  readonly hidden: readonly number[];
  /** Width of the encoder's output for quantizers that take any. */
  readonly latentWidth: number;
  /** Between the layers. */
  readonly activation: Activation;
}

const ACTIVATIONS: readonly Activation[] = ['relu', 'gelu', 'silu', 'elu', 'tanh'];
const MOST_HIDDEN = 64;

/**
 * Linear layers around a quantizer of vectors: with a residual quantizer the RQ-VAE of TIGER's semantic ids. With hidden [512, 256]:
 *
 *     encoder   linear features→512, ReLU, linear 512→256, ReLU, linear 256→dim
 *     decoder   linear dim→256, ReLU, linear 256→512, ReLU, linear 512→features
 *
 * Without hidden layers the quantizer is given the vectors themselves, and there is no network; a quantizer of another width then has one linear
 * layer before and one behind it.
 *
 * Source: Rajput and others, "Recommender Systems with Generative Retrieval" (TIGER), arXiv:2305.05065.
 */
export const mlp: Architecture<MlpConfig> = {
  name: 'mlp',
  modality: vectors,
  keys: ['features', 'hidden', 'latentWidth', 'activation'],
  complete(where, { features, hidden = [], latentWidth, activation = 'relu' }) {
    requireInteger(where, 'features', features, 1);
    requireHidden(where, hidden);
    return {
      features,
      hidden: [...hidden],
      latentWidth: latentWidth ?? (hidden.length === 0 ? features : Math.min(32, features)),
      activation,
    };
  },
  check(where, { features, hidden, latentWidth, activation }) {
    requireInteger(where, 'features', features, 1);
    requireHidden(where, hidden);
    requireInteger(where, 'latentWidth', latentWidth, 1);
    requireOneOf(where, 'activation', activation, ACTIVATIONS);
  },
  latentWidth: ({ latentWidth }) => latentWidth,
  channels: ({ features }) => features,
  multiple: () => 1,
  build(scope, { features, hidden, activation }, { dim }) {
    const widths = [features, ...hidden, dim];
    if (hidden.length === 0 && dim === features) return { encoder: [], decoder: [] };
    return {
      encoder: layers(scope.at('encoder'), widths, activation),
      decoder: layers(scope.at('decoder'), widths.reverse(), activation),
    };
  },
};

/** Named as in nn.Sequential, where the activations take the odd places. */
function layers(scope: Scope, widths: readonly number[], activation: Activation): Module[] {
  return widths.slice(1).flatMap((outputs, i): Module[] => {
    const linear = createLinearLayer(scope.at(2 * i), { inputs: widths[i] as number, outputs });
    return i === 0 ? [linear] : [createActivation(scope.at(2 * i - 1), activation), linear];
  });
}

function requireHidden(where: string, hidden: readonly number[]): void {
  const rule = `a list of at most ${MOST_HIDDEN} integers >= 1`;
  const isList = Array.isArray(hidden) && hidden.length <= MOST_HIDDEN;
  requireOption(isList, where, 'hidden', rule, hidden, 'Pass for example [512, 256, 128], or [] for none.');
  for (const [i, width] of hidden.entries()) requireInteger(where, `hidden[${i}]`, width, 1);
}
