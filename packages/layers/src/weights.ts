import { type Tensor, tidy, type Variable } from '@tensorflow/tfjs-core';
import { LayerVariable } from '@tensorflow/tfjs-layers';
import type { Quantizer } from '@vqkit/core-tensor';

/** Of their names in the model, which must not start with `_` there. */
const PREFIX = 'quantizer.';

/** The parameters of a quantizer as the weights of a layer, which a model trains, saves and loads. */
export interface LayerWeights {
  readonly trainable: LayerVariable[];
  readonly others: LayerVariable[];
}

export function weightsOf(quantizer: Quantizer): LayerWeights {
  const variables = quantizer.variables();
  const state = quantizer.stateDict();
  const others = Object.entries(state).filter(([name]) => !Object.hasOwn(variables, name));
  try {
    return {
      trainable: Object.entries(variables).map(([name, variable]) => new TrainedWeight(name, variable)),
      others: others.map(([name, value]) => new StateWeight(name, value, quantizer)),
    };
  } finally {
    for (const value of Object.values(state)) value.dispose();
  }
}

/** What the optimizer trains: the quantizer's own variable, as it holds it. */
class TrainedWeight extends LayerVariable {
  readonly #own: Variable;

  constructor(name: string, own: Variable) {
    super(own, own.dtype, PREFIX + name, true);
    // The variable that the base class made of it.
    super.dispose();
    this.#own = own;
  }

  override read(): Tensor {
    return this.#own;
  }

  override write(value: Tensor): this {
    this.#own.assign(value);
    return this;
  }

  override get trainable(): boolean {
    return super.trainable;
  }

  override set trainable(trainable: boolean) {
    super.trainable = trainable;
    if (this.#own !== undefined) this.#own.trainable = trainable;
  }

  /** The quantizer does. */
  override dispose(): void {}
}

/** What the quantizer moves by itself, such as moving averages: an entry of its state dict, read and written there. */
class StateWeight extends LayerVariable {
  readonly #key: string;
  readonly #quantizer: Quantizer;

  constructor(key: string, value: Tensor, quantizer: Quantizer) {
    super(value, value.dtype, PREFIX + key, false);
    this.#key = key;
    this.#quantizer = quantizer;
  }

  override read(): Tensor {
    const copy = super.read() as Variable;
    tidy(() => copy.assign(this.#quantizer.stateDict()[this.#key] as Tensor));
    return copy;
  }

  override write(value: Tensor): this {
    tidy(() => this.#quantizer.loadStateDict({ ...this.#quantizer.stateDict(), [this.#key]: value }));
    return this;
  }
}
