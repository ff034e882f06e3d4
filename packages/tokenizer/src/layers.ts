import { maxPool, type Tensor, type Tensor1D, type Tensor4D, transpose, type Variable } from '@tensorflow/tfjs-core';
import { countParameters, ownedVariable, type Rng } from '@vqkit/core-tensor';
import { convSame } from '@vqkit/nn';

/** A named weight of a layer: held as TensorFlow.js wants it, written to checkpoints in PyTorch's layout. */
export interface Weight {
  /** The key in the state dict, such as `encoder.conv1.weight`. */
  readonly name: string;
  readonly variable: Variable;
  toTorch(value: Tensor): Tensor;
  fromTorch(value: Tensor): Tensor;
}

export interface Conv2d {
  apply(x: Tensor4D): Tensor4D;
  readonly weights: readonly Weight[];
}

/**
 * A convolution of stride 1 that keeps height and width, with bias; with `upsample: 2` of the image with every pixel repeated 2 × 2
 * times. Initialised as PyTorch's nn.Conv2d: weights and biases uniform
 * in ±1/√(inputs · kernel²), which is its kaiming_uniform with a = √5. A weight's numbers depend on the seed and its name only.
 */
export function createConv2d(options: {
  name: string;
  inputs: number;
  outputs: number;
  kernel: number;
  upsample?: 1 | 2;
  rng: Rng;
}): Conv2d {
  const { name, inputs, outputs, kernel, upsample = 1, rng } = options;
  countParameters();
  const bound = 1 / Math.sqrt(inputs * kernel * kernel);
  const init = (key: string, shape: number[]): Variable => {
    const size = shape.reduce((product, length) => product * length, 1);
    return ownedVariable(rng.fork(key).uniformArray(size, -bound, bound), shape, true);
  };
  const filter = init(`${name}.weight`, [kernel, kernel, inputs, outputs]);
  const bias = init(`${name}.bias`, [outputs]);
  return {
    apply: (x) => convSame(x, filter as unknown as Tensor4D, bias as unknown as Tensor1D, { upsample }),
    weights: [
      {
        name: `${name}.weight`,
        variable: filter,
        // [height, width, in, out] ↔ [out, in, height, width].
        toTorch: (value) => transpose(value, [3, 2, 0, 1]),
        fromTorch: (value) => transpose(value, [2, 3, 1, 0]),
      },
      {
        name: `${name}.bias`,
        variable: bias,
        toTorch: (value) => value.clone(),
        fromTorch: (value) => value.clone(),
      },
    ],
  };
}

/** The larger of each 2 × 2 pixels: halves height and width. */
export function maxPool2(x: Tensor4D): Tensor4D {
  return maxPool(x, 2, 2, 'valid');
}
