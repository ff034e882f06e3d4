export { adamWStep } from './adamw';
export { convImages, convImagesFewOutputs } from './conv';
export { convFilterImages, convFilterImagesFewOutputs } from './conv-filter';
export { depthwiseFilterImages, depthwiseInputImages } from './depthwise';
export {
  addSums,
  averageEntropySums,
  averageSlope,
  bitEntropyGrad,
  bitEntropySums,
  halfProbabilities,
} from './entropy';
export { fsqQuantize } from './fsq';
export { fsqClampGrad, fsqDecode, fsqQuantizeGrad } from './fsq-grad';
export { findOutOfRange, gatherRows } from './gather';
export { gelu, geluGrad } from './gelu';
export { gemm } from './gemm';
export { groupNormGradImages, groupNormImages } from './group-norm';
export { nearestCode, nearestTwoCodes, packCodes } from './nearest';
export { nearestCodeExact, packCodesExact } from './nearest-exact';
export { packPanels, transposeFilter } from './pack';
export { maxPool2GradImages, maxPool2Images, maxPoolGradImages, maxPoolImages } from './pool';
export { addPartials, addPartialsFewOutputs } from './reduce';
export { resizeNearestGradImages, resizeNearestImages } from './resize';
export { rotateToGrad } from './rotate';
export { segmentSum } from './segment';
export { codeCounts, selectRows, signDecode } from './select';
export { signQuantize } from './sign';
export { sumColumns } from './sum';
export { combineTaps } from './taps';
