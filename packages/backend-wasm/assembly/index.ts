export { adamWStep } from './adamw';
export { multiply, scale, spread } from './arithmetic';
export { centerRows, largestFrom, meanRow, packCentered, rowLengths } from './center';
export { convImages, convImagesFewOutputs } from './conv';
export { convFilterImages, convFilterImagesFewOutputs } from './conv-filter';
export { addPanels, convFilterWide } from './conv-filter-wide';
export { depthwiseFilterImages, depthwiseInputImages } from './depthwise';
export { elu, eluGrad } from './elu';
export {
  addSums,
  averageEntropySums,
  averageSlope,
  bitEntropyGrad,
  bitEntropySums,
  halfProbabilities,
} from './entropy';
export { fsqQuantize } from './fsq';
export { fsqEncode } from './fsq-encode';
export { fsqClampGrad, fsqDecode, fsqQuantizeGrad } from './fsq-grad';
export { findOutOfRange, gatherRows } from './gather';
export { gelu, geluGrad } from './gelu';
export { gemm } from './gemm';
export { groupNormGradImages, groupNormImages, groupNormSums } from './group-norm';
export { nearestCode, packCodes } from './nearest';
export { exactFrameBytes, firstFinite, nearestCodeExact } from './nearest-exact';
export { comparePanels } from './nearest-open';
export { nearestCodeRough, scorePanels } from './nearest-rough';
export { nearestCodeScreened, nearestCodeSettled } from './nearest-screened';
export { packPanels, transposeFilter } from './pack';
export { maxPool2GradImages, maxPool2Images, maxPoolGradImages, maxPoolImages } from './pool';
export { project } from './project';
export { addPartials, addPartialsFewOutputs } from './reduce';
export { residualFsq } from './residual-fsq';
export { residualSign } from './residual-sign';
export { resizeNearestGradImages, resizeNearestImages } from './resize';
export { reverseBits } from './reverse-bits';
export { rotateToGrad } from './rotate';
export { measureCodes, roundCodes } from './round';
export { screenedFrameBytes } from './screen';
export { segmentSum } from './segment';
export { codeCounts, selectRows, signDecode } from './select';
export { signQuantize } from './sign';
export { silu, siluGrad } from './silu';
export { softClamp, softClampGrad } from './soft-clamp';
export { gatherSum, residualFsqDecode, residualSignDecode } from './stack-decode';
export { stftFrames, stftRows } from './stft';
export { sumColumns } from './sum';
export { combineTaps } from './taps';
export { winogradFilter, winogradImages } from './winograd';
export { lineFilter, lineImages } from './winograd-line';
export { lineFilterImages, lineFilterSlope } from './winograd-line-slopes';
export { winogradFilterImages, winogradFilterSlope } from './winograd-slopes';
