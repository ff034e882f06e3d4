import {
  add,
  clipByValue,
  customGrad,
  div,
  grads,
  mul,
  neg,
  relu,
  type Scalar,
  scalar,
  sub,
  type Tensor,
  tidy,
  type Variable,
  valueAndGrad,
} from '@tensorflow/tfjs-core';
import { mean } from '@vqkit/core-tensor';
import { type AdamW, globalNorm } from '@vqkit/nn';
import type { Discriminator, Judgement } from './discriminators/discriminator.ts';
import { type LossAndGradients, lossAndGradients } from './gradients.ts';
import { meanAbsolute } from './modalities/loss.ts';

/** A discriminator in a training. Its optimizer is one of its own. */
export interface Adversary {
  readonly discriminator: Discriminator;
  readonly optimizer: AdamW;
}

/** What a discriminator does in a training. */
export interface AdversarialOptions {
  /** The step, counted from 1, from which on it learns and is listened to. Default 1. */
  readonly discriminatorFrom?: number | undefined;
  /** What it counts beside the reconstruction, see {@link opposed}. Default 0.8, as in VQGAN. */
  readonly discriminatorWeight?: number | undefined;
  /** What the difference of its features counts beside its scores, where there is any. Default 0. */
  readonly featureWeight?: number | undefined;
}

/** What VQGAN takes. */
const DISCRIMINATOR_WEIGHT = 0.8;
/** Of the adaptive weight: added to its denominator, and the most that it may be. */
const [EPSILON, MOST] = [1e-4, 1e4];

/** The loss of the tokenizer in a step with a discriminator. */
export interface Opposed {
  /** reconstruction + weight · adversarial. */
  readonly loss: Scalar;
  readonly reconstruction: Scalar;
  /** What the tokenizer minimises of what the discriminator says: generator + featureWeight · features. */
  readonly adversarial: Scalar;
  /** See {@link generatorLoss}. */
  readonly generator: Scalar;
  /** See {@link featureLoss}; 0 where it does not count. */
  readonly features: Scalar;
  /** The adaptive weight, times `discriminatorWeight`. */
  readonly weight: Scalar;
}

/**
 * Reconstruction and adversarial loss of an output, balanced as in VQGAN: with W the weights of the decoder's last layer
 *
 * `loss = reconstruction + λ · adversarial`, `λ = discriminatorWeight · min(‖∂reconstruction/∂W‖ / (‖∂adversarial/∂W‖ + 10^-4), 10^4)`, λ a constant to the gradient.
 *
 * Inside an objective whose gradient is taken. Both losses are differentiated by the output once; what is before the output is gone through once, with the sum of the two.
 *
 * @param lastLayer W; the output must come from it.
 * @param reconstruction of an output.
 * @param originals features of the originals, where those count.
 */
export function opposed(
  output: Tensor,
  lastLayer: readonly Variable[],
  reconstruction: (output: Tensor) => Scalar,
  { discriminator }: Pick<Adversary, 'discriminator'>,
  { discriminatorWeight = DISCRIMINATOR_WEIGHT, featureWeight = 0 }: AdversarialOptions,
  originals: Judgement['features'] = [],
): Opposed {
  const kept: { generator?: Scalar; features?: Scalar } = {};
  const judged = (data: Tensor): Scalar => {
    const { scores, features } = discriminator.judge(data);
    kept.generator = generatorLoss(scores);
    kept.features = featureWeight === 0 ? undefined : featureLoss(originals, features);
    return kept.features === undefined ? kept.generator : add(kept.generator, mul(kept.features, featureWeight));
  };
  const faithful = valueAndGrad(reconstruction)(output);
  const adversarial = valueAndGrad(judged)(output);
  const [own, other] = [faithful.grad, adversarial.grad].map((slope) =>
    globalNorm(Object.fromEntries(grads(() => output)([...lastLayer], slope).entries())),
  ) as [Scalar, Scalar];
  const ratio = clipByValue(div(own, add(other, EPSILON)), 0, MOST);
  const weight: Scalar = mul(ratio, discriminatorWeight);
  const slope = add(faithful.grad, mul(adversarial.grad, weight));
  const value: Scalar = add(faithful.value, mul(adversarial.value, weight));
  const balanced = customGrad((_, save) => {
    (save as (tensors: Tensor[]) => void)([slope]);
    return { value: value.clone(), gradFunc: (dy: Tensor, [saved]: Tensor[]) => mul(dy, saved as Tensor) };
  });
  return {
    loss: balanced(output) as Scalar,
    reconstruction: faithful.value,
    adversarial: adversarial.value,
    generator: kept.generator as Scalar,
    features: kept.features ?? scalar(0),
    weight,
  };
}

/** The features of originals, where they count. The caller disposes them. */
export function originalFeatures(
  { discriminator }: Pick<Adversary, 'discriminator'>,
  originals: Tensor,
  { featureWeight = 0 }: AdversarialOptions,
): Tensor[] {
  return featureWeight === 0 ? [] : tidy(() => [...discriminator.judge(originals).features]);
}

/** {@link discriminatorLoss} of originals and reconstructions, and its gradients. The caller disposes them. */
export function judgeGradients(
  { discriminator }: Pick<Adversary, 'discriminator'>,
  originals: Tensor,
  reconstructions: Tensor,
): LossAndGradients {
  return lossAndGradients(discriminator.variables(), () =>
    discriminatorLoss(discriminator.judge(originals).scores, discriminator.judge(reconstructions).scores),
  );
}

/** The hinge loss of a discriminator, the mean over its scales of `½ mean max(0, 1 - s) + ½ mean max(0, 1 + s)`, first of originals, then of reconstructions: 1 for one that knows nothing and says 0, 0 for one that is never wrong. */
function discriminatorLoss(originals: Judgement['scores'], reconstructions: Judgement['scores']): Scalar {
  const terms = originals.flatMap((scores, i): Scalar[] => [
    mean(relu(sub(1, scores))),
    mean(relu(add(1, reconstructions[i] as Tensor))),
  ]);
  return mul(total(terms), 1 / terms.length);
}

/** What the tokenizer minimises beside: -mean s, over the scales, of reconstructions. (EnCodec's article has max(0, 1 - s), its code this.) */
function generatorLoss(scores: Judgement['scores']): Scalar {
  return mul(total(scores.map((each): Scalar => neg(mean(each)))), 1 / scores.length);
}

/** Feature matching: the mean over the layers of `mean |f - f̂| / mean |f|`, f of originals, f̂ of reconstructions. */
function featureLoss(originals: Judgement['features'], reconstructions: Judgement['features']): Scalar {
  const terms = originals.map(
    (own, i): Scalar => div(meanAbsolute(sub(own, reconstructions[i] as Tensor)), add(meanAbsolute(own), 1e-8)),
  );
  return mul(total(terms), 1 / terms.length);
}

function total(terms: readonly Scalar[]): Scalar {
  return terms.reduce((sum, term) => add(sum, term));
}
