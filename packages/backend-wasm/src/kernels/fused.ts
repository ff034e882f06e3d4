import {
  type _FusedMatMulAttrs,
  add,
  conv2d,
  elu,
  type FusedConv2DAttrs,
  type KernelFunc,
  leakyRelu,
  matMul,
  prelu,
  relu,
  relu6,
  sigmoid,
  type Tensor,
  type Tensor4D,
  tidy,
} from '@tensorflow/tfjs-core';
import { phrase, UnsupportedError } from '@vqkit/core-tensor';

type Inputs = Readonly<Record<'x' | 'filter' | 'a' | 'b', Tensor>> & Finish;
interface Finish {
  readonly bias?: Tensor;
  readonly preluActivationWeights?: Tensor;
}

/** A matrix product, a bias and an activation by the kernels of each. tfjs's own warns and writes nothing where there is no room to pack B. */
export const fusedMatMul: KernelFunc = ({ inputs, attrs }) => {
  const { a, b, ...rest } = inputs as unknown as Inputs;
  const { transposeA, transposeB, activation, leakyreluAlpha } = attrs as unknown as _FusedMatMulAttrs;
  return tidy(() => finish(matMul(a, b, transposeA, transposeB), rest, activation, leakyreluAlpha));
};

/** The same with a convolution. */
export const composedConv2D: KernelFunc = ({ inputs, attrs }) => {
  const { x, filter, ...rest } = inputs as unknown as Inputs;
  const { strides, pad, dilations, dimRoundingMode, activation, leakyreluAlpha } = attrs as unknown as FusedConv2DAttrs;
  return tidy(() => {
    const y = conv2d(x as Tensor4D, filter as Tensor4D, strides, pad, 'NHWC', dilations, dimRoundingMode);
    return finish(y, rest, activation, leakyreluAlpha);
  });
};

function finish(x: Tensor, { bias, preluActivationWeights: slopes }: Finish, activation: string, slope = 0.2): Tensor {
  const y = bias === undefined ? x : add(x, bias);
  switch (activation) {
    case 'linear':
      return y;
    case 'relu':
      return relu(y);
    case 'relu6':
      return relu6(y);
    case 'elu':
      return elu(y);
    case 'sigmoid':
      return sigmoid(y);
    case 'leakyrelu':
      return leakyRelu(y, slope);
    case 'prelu':
      if (slopes !== undefined) return prelu(y, slopes);
  }
  throw new UnsupportedError(
    'fused',
    'activation',
    'be one of linear, relu, relu6, elu, sigmoid, leakyrelu, prelu (with its weights)',
    phrase(`'${activation}'`),
    'Apply it by itself.',
  );
}
