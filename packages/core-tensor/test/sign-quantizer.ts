import {
  add,
  cast,
  divNoNan,
  greater,
  mean,
  mul,
  ones,
  reshape,
  type Scalar,
  square,
  sub,
  sum,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
} from '@tensorflow/tfjs-core';
import {
  createParameterSet,
  createQuantizer,
  createRng,
  type DataFormat,
  mixedRadixDigits,
  type Quantizer,
  requireKnownOptions,
  straightThrough,
} from '../src/index.ts';
import { testLinear } from './linear.ts';

export interface SignOptions {
  readonly bits: number;
  readonly numCodebooks?: number;
  readonly keepNumCodebooksDim?: boolean;
  readonly dataFormat?: DataFormat;
  readonly seed?: number;
}

/** The smallest method that uses all of the contract: signs after a linear layer, with one loss. */
export function createSign(options: SignOptions): Quantizer<Required<SignOptions>, 'unitNorm'> {
  requireKnownOptions('createSign', options, ['bits', 'numCodebooks', 'keepNumCodebooksDim', 'dataFormat', 'seed']);
  const { bits, numCodebooks = 1, dataFormat = 'channelsLast', seed = 0 } = options;
  const { keepNumCodebooksDim = numCodebooks > 1 } = options;
  const dim = bits * numCodebooks;
  const rng = createRng(seed);
  const linear = testLinear(dim, dim, rng);
  const twos = new Array<number>(bits).fill(2);

  const signs = (x: Tensor2D): Tensor2D => sub(mul(cast(greater(x, 0), 'float32'), 2), 1);
  const indicesOf = (x: Tensor2D): Tensor2D => {
    const bit = cast(greater(reshape(x, [-1, bits]), 0), 'int32');
    const weights = tensor1d(
      twos.map((_, i) => 2 ** i),
      'int32',
    );
    return reshape(sum(mul(bit, weights), 1), [-1, numCodebooks]);
  };

  return createQuantizer({
    kind: 'Sign',
    where: 'createSign',
    config: { bits, numCodebooks, keepNumCodebooksDim, dataFormat, seed },
    dim,
    codebookSize: 2 ** bits,
    numCodebooks,
    keepNumCodebooksDim,
    dataFormat,
    rng,
    lossNames: ['unitNorm'],
    parameters: createParameterSet('createSign', linear.parameters),

    quantizeTokens(tokens, { training, output, weights }) {
      const x = linear.apply(tokens);
      const quantized = straightThrough(linear.apply(output), signs(x));
      const indices = indicesOf(x);
      if (!training) return { quantized, indices };
      const counted = weights ?? ones([x.shape[0]]);
      const unitNorm = sum(mul(mean(square(sub(square(x), 1)), 1), divNoNan(counted, sum(counted)))) as Scalar;
      return { quantized, indices, loss: mul(unitNorm, 0.5), losses: { unitNorm } };
    },
    encodeTokens: (tokens) => indicesOf(linear.apply(tokens)),
    decodeTokens: (indices) => {
      const digits = mixedRadixDigits(reshape(indices, [-1]) as Tensor1D, twos);
      return add(mul(reshape(cast(digits, 'float32'), [-1, dim]), 2), -1) as Tensor2D;
    },
  });
}
