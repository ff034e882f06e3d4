import { type Tensor, tidy, type Variable } from '@tensorflow/tfjs-core';
import { createParameterSet, requireAlive, requireTensor, stateWhileAlive } from '@vqkit/core-tensor';
import type { Scope } from '@vqkit/nn';

/** What a discriminator says of examples. */
export interface Judgement {
  /** One for each scale that it looks at: a score of each place, high where it takes it for an original. */
  readonly scores: readonly Tensor[];
  /** What its layers give before that, in order. */
  readonly features: readonly Tensor[];
}

/** A network that learns to tell originals from reconstructions. Only training needs it. */
export interface Discriminator {
  /**
   * Scores and features of data, differentiable in them and in the variables. The caller disposes them.
   * @throws ShapeError for data of other axes, or too small; DisposedError after `dispose`.
   */
  judge(data: Tensor): Judgement;
  /** Everything that an optimizer trains, by state-dict name. */
  variables(): Record<string, Variable>;
  /** Copies of all parameters in PyTorch's layouts. The caller disposes them. */
  stateDict(): Record<string, Tensor>;
  /** Copies values in. Names, shapes and dtypes must match exactly; nothing is changed when they do not. */
  loadStateDict(tensors: Readonly<Record<string, Tensor>>): void;
  /** Frees the parameters; a second `dispose` does nothing. */
  dispose(): void;
}

/** What one that is made for examples of some shape may be told. */
export interface DiscriminatorOptions {
  /** Of one example: [height, width, channels] of a picture, [samples, channels] of a sound. */
  readonly shape: readonly number[];
  /** Channels of the first convolution. */
  readonly filters: number;
  /** Seed of the weights, 0 to 2^32 - 1. */
  readonly seed: number;
}

/** The slope of a leaky ReLU below 0, in all discriminators. */
export const LEAK = 0.2;

/** Makes a discriminator of its mathematics. */
export function buildDiscriminator(
  where: string,
  scope: Scope,
  judge: (data: Tensor) => Judgement,
  disposeOthers: () => void = () => undefined,
): Discriminator {
  const set = createParameterSet(where, scope.parameters());
  let disposed = false;
  const alive = (call: string): string => {
    const name = `${where}().${call}`;
    requireAlive(disposed, name, 'the discriminator');
    return name;
  };
  return {
    judge(data) {
      const name = alive('judge');
      requireTensor(name, 'data', data);
      return tidy(() => {
        const { scores, features } = judge(data);
        return { scores: [...scores], features: [...features] };
      });
    },
    ...stateWhileAlive(set, alive),
    dispose() {
      if (disposed) return;
      disposed = true;
      set.dispose();
      disposeOthers();
    },
  };
}
