import { ones, randomNormal, type Tensor, tensor, tensor1d } from '@tensorflow/tfjs-core';

export const normal = (...shape: number[]): Tensor => randomNormal(shape, 0, 1, 'float32', 1);
const ids = (...values: number[]): Tensor => tensor1d(values, 'int32');

const fsq = {
  levels: [3, 3],
  thresholds: [
    [-0.5, 0.5],
    [-0.5, 0.5],
  ],
  centers: [1, 1],
  steps: [1, 1],
  shifts: [0, 0],
  slopes: [1, 1],
  hardClamp: false,
  basis: [1, 3],
};
const stack = {
  fsq,
  layers: [1, 0.5].map((scale) => ({
    thresholds: fsq.thresholds.map((own) => own.map((t) => t * scale)),
    scales: [scale, scale],
  })),
};
const images = { strides: 1, pad: 'same', dataFormat: 'NHWC', dilations: 1 };
const slide = { stride: 2, dilation: 2, before: 1, after: 1 };
const slides = { sliding: [slide, slide], inputSize: [9, 7], filterSize: [3, 3] };
const windows = { fftSize: 16, hop: 4, center: true, samples: 21, floor: 1e-10 };
const step = { beta1: 0.9, beta2: 0.999, decay: 1, rate: 0.01, rootScale: 31.6, epsilon: 1e-8 };
const entropy = () => ({ logits: normal(5, 4), sampleWeights: ones([5]), batchWeights: ones([5]) });
const same = () => ({ x: normal(2, 5, 5, 3), filter: normal(3, 3, 3, 6), bias: normal(6) });

const product = {
  inputs: () => ({ a: normal(9, 1200), b: normal(1200, 5) }),
  attrs: { transposeA: false, transposeB: false },
};
const pool = { inputs: () => ({ x: normal(2, 6, 6, 4) }), attrs: { filterSize: 2, strides: 2, pad: 'valid' } };
const poolSlope = {
  inputs: () => ({ dy: normal(2, 3, 3, 4), input: normal(2, 6, 6, 4), output: normal(2, 3, 3, 4) }),
  attrs: { filterSize: 2, strides: 2, pad: 'valid' },
};
const reduction = { inputs: () => ({ x: normal(4, 16) }), attrs: { axis: [0, 1], keepDims: false } };

/** One call of every kernel that this package gives the engine. */
export const calls: Record<
  string,
  { inputs: () => Record<string, Tensor>; attrs?: object; allocatesNothing?: boolean }
> = {
  Conv2D: { inputs: () => ({ x: normal(2, 5, 5, 3), filter: normal(3, 3, 3, 6) }), attrs: images },
  FusedConv2D: { inputs: same, attrs: { ...images, activation: 'elu' } },
  Conv2DBackpropInput: {
    inputs: () => ({ dy: normal(2, 5, 5, 6), filter: normal(3, 3, 3, 6) }),
    attrs: { ...images, inputShape: [2, 5, 5, 3] },
  },
  Conv2DBackpropFilter: {
    inputs: () => ({ x: normal(2, 5, 5, 3), dy: normal(2, 5, 5, 6) }),
    attrs: { ...images, filterShape: [3, 3, 3, 6] },
  },
  DepthwiseConv2dNativeBackpropInput: {
    inputs: () => ({ dy: normal(2, 5, 5, 4), filter: normal(3, 3, 4, 1) }),
    attrs: { ...images, inputShape: [2, 5, 5, 4] },
  },
  DepthwiseConv2dNativeBackpropFilter: {
    inputs: () => ({ x: normal(2, 5, 5, 4), dy: normal(2, 5, 5, 4) }),
    attrs: { ...images, filterShape: [3, 3, 4, 1] },
  },
  BatchMatMul: product,
  _FusedMatMul: {
    inputs: () => ({ a: normal(9, 12), b: normal(12, 5), bias: normal(5) }),
    attrs: { transposeA: false, transposeB: false, activation: 'relu' },
  },
  Einsum: { inputs: () => ({ 0: normal(2, 3, 4), 1: normal(2, 5, 4) }), attrs: { equation: 'bij,bkj->ikb' } },
  MatMul: product,
  ReduceSum: reduction,
  ReduceMean: reduction,
  MaxPool2d: pool,
  MaxPool2dGrad: poolSlope,
  MaxPool: pool,
  MaxPoolGrad: poolSlope,
  ResizeNearestNeighbor: {
    inputs: () => ({ images: normal(2, 4, 4, 3) }),
    attrs: { size: [8, 8], alignCorners: false, halfPixelCenters: false },
  },
  ResizeNearestNeighborGrad: {
    inputs: () => ({ images: normal(2, 4, 4, 3), dy: normal(2, 8, 8, 3) }),
    attrs: { size: [8, 8], alignCorners: false, halfPixelCenters: false },
  },
  Sum: reduction,
  Mean: reduction,
  Multiply: { inputs: () => ({ a: normal(4, 16), b: normal(4, 16) }) },
  Cast: { inputs: () => ({ x: normal(4) }), attrs: { dtype: 'int32' } },
  Identity: { inputs: () => ({ x: normal(4) }), allocatesNothing: true },
  GatherV2: { inputs: () => ({ x: normal(4, 6), indices: ids(0, 3, 3, 1) }), attrs: { axis: 0, batchDims: 0 } },
  UnsortedSegmentSum: { inputs: () => ({ x: normal(4, 6), segmentIds: ids(0, 3, 3, 1) }), attrs: { numSegments: 4 } },

  BitEntropy: { inputs: entropy, attrs: { codebook: true } },
  BitEntropyGrad: {
    inputs: () => ({
      ...entropy(),
      dPerSample: ones([]),
      dEntropy: ones([]),
      dAverage: normal(16),
      entropy: ones([]),
      average: ones([16]),
    }),
    attrs: { codebook: true },
  },
  FsqEncode: { inputs: () => ({ z: normal(7, 2) }), attrs: fsq },
  FsqQuantize: { inputs: () => ({ z: normal(7, 2) }), attrs: fsq },
  FsqQuantizeGrad: { inputs: () => ({ dy: normal(7, 2), z: normal(7, 2) }), attrs: fsq },
  FsqDecode: { inputs: () => ({ indices: ids(0, 8, 4) }), attrs: fsq },
  SignEncode: { inputs: () => ({ x: normal(7, 3) }) },
  SignQuantize: { inputs: () => ({ x: normal(7, 3) }), attrs: { scale: 1 } },
  SignDecode: { inputs: () => ({ indices: ids(0, 7, 4) }), attrs: { scale: 1, dim: 3 } },
  ReverseBits: { inputs: () => ({ indices: ids(0, 7, 4) }), attrs: { bits: 3 } },
  ResidualFsq: { inputs: () => ({ z: normal(7, 2) }), attrs: stack },
  ResidualFsqDecode: {
    inputs: () => ({ indices: tensor([0, 8, 3, 2], [2, 2], 'int32') }),
    attrs: { ...stack, dropout: false },
  },
  ResidualSign: { inputs: () => ({ x: normal(7, 3) }), attrs: { scales: [1, 0.5] } },
  ResidualSignDecode: {
    inputs: () => ({ indices: tensor([0, 7, 3, 2], [2, 2], 'int32') }),
    attrs: { scales: [1, 0.5], dim: 3, dropout: false },
  },
  GatherSum: {
    inputs: () => ({ indices: tensor([0, 2, 3, 1], [2, 2], 'int32'), 0: normal(4, 5), 1: normal(4, 5) }),
    attrs: { layers: 2, dropout: false },
  },
  SoftClamp: { inputs: () => ({ x: normal(7, 3) }), attrs: { limits: [1, 2, 3] } },
  SoftClampGrad: { inputs: () => ({ dy: normal(7, 3), y: normal(7, 3) }), attrs: { limits: [1, 2, 3] } },
  Spread: { inputs: () => ({ value: ones([]) }), attrs: { shape: [3, 5] } },
  StopGradient: { inputs: () => ({ x: normal(4) }), allocatesNothing: true },
  StraightThrough: { inputs: () => ({ x: normal(4), q: normal(4) }), allocatesNothing: true },
  RotateTo: {
    inputs: () => ({ x: normal(7, 5), q: normal(7, 5) }),
    attrs: { maxScale: 100 },
    allocatesNothing: true,
  },
  RotateToGrad: { inputs: () => ({ dy: normal(7, 5), x: normal(7, 5), q: normal(7, 5) }), attrs: { maxScale: 100 } },
  SelectRows: { inputs: () => ({ condition: tensor([1, 0], [2], 'bool'), a: normal(2, 5), b: normal(2, 1) }) },
  CodeCounts: { inputs: () => ({ indices: ids(0, 3, 3, 1) }), attrs: { codebookSize: 4 } },
  NearestCode: {
    inputs: () => ({ x: normal(64, 16), keys: normal(512, 16), bias: normal(512) }),
  },
  NearestCodeExact: { inputs: () => ({ x: normal(7, 4), codes: normal(9, 4) }) },
  ConvSame: { inputs: same, attrs: { upsample: 2 } },
  ConvSameGradInput: {
    inputs: () => ({ dy: normal(2, 10, 10, 6), filter: normal(3, 3, 3, 6) }),
    attrs: { upsample: 2 },
  },
  ConvSameGradFilter: {
    inputs: () => ({ x: normal(2, 5, 5, 3), dy: normal(2, 10, 10, 6) }),
    attrs: { upsample: 2, filterSize: [3, 3] },
  },
  Convolution: { inputs: () => ({ x: normal(2, 9, 7, 3), filter: normal(3, 3, 3, 6) }), attrs: slides },
  ConvolutionGradInput: { inputs: () => ({ dy: normal(2, 4, 3, 6), filter: normal(3, 3, 3, 6) }), attrs: slides },
  ConvolutionGradFilter: { inputs: () => ({ x: normal(2, 9, 7, 3), dy: normal(2, 4, 3, 6) }), attrs: slides },
  Stft: { inputs: () => ({ x: normal(2, 21) }), attrs: windows },
  StftGrad: { inputs: () => ({ real: normal(2, 6, 9), imaginary: normal(2, 6, 9) }), attrs: windows },
  StftMagnitude: { inputs: () => ({ x: normal(2, 21) }), attrs: windows },
  StftMagnitudeGrad: { inputs: () => ({ dy: normal(2, 6, 9), x: normal(2, 21) }), attrs: windows },
  ExponentialLinear: { inputs: () => ({ x: normal(3, 50) }) },
  ExponentialLinearGrad: { inputs: () => ({ dy: normal(3, 50), y: normal(3, 50) }) },
  Gelu: { inputs: () => ({ x: normal(3, 50) }) },
  GeluGrad: { inputs: () => ({ dy: normal(3, 50), x: normal(3, 50) }) },
  Silu: { inputs: () => ({ x: normal(3, 50) }) },
  SiluGrad: { inputs: () => ({ dy: normal(3, 50), x: normal(3, 50) }) },
  GroupNorm: {
    inputs: () => ({ x: normal(3, 4, 4, 8), weight: normal(8), bias: normal(8) }),
    attrs: { groups: 2, epsilon: 1e-5 },
  },
  GroupNormSums: {
    inputs: () => ({ dy: normal(3, 4, 4, 8), x: normal(3, 4, 4, 8) }),
    attrs: { groups: 2, epsilon: 1e-5 },
  },
  GroupNormGrad: {
    inputs: () => ({ dy: normal(3, 4, 4, 8), x: normal(3, 4, 4, 8), weight: normal(8), sums: normal(3, 4, 8) }),
    attrs: { groups: 2 },
  },
  AdamWStep: {
    inputs: () => ({ parameter: normal(33), gradient: normal(33), m: normal(33), v: ones([33]) }),
    attrs: step,
  },
  // Some of tfjs's own, which allocate inside, or several times.
  Add: { inputs: () => ({ a: normal(4, 16), b: normal(16) }) },
  Transpose: { inputs: () => ({ x: normal(4, 16) }), attrs: { perm: [1, 0] } },
  Softmax: { inputs: () => ({ logits: normal(4, 16) }), attrs: { dim: 1 } },
  TopK: { inputs: () => ({ x: normal(4, 16) }), attrs: { k: 3, sorted: true } },
  DepthwiseConv2dNative: { inputs: () => ({ x: normal(2, 5, 5, 4), filter: normal(3, 3, 4, 1) }), attrs: images },
  AvgPool: { inputs: () => ({ x: normal(2, 6, 6, 4) }), attrs: { filterSize: 2, strides: 2, pad: 'valid' } },
  ResizeBilinear: {
    inputs: () => ({ images: normal(2, 4, 4, 3) }),
    attrs: { size: [8, 8], alignCorners: false, halfPixelCenters: false },
  },
};
