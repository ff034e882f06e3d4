export type { AdamWAttrs } from './adamw-attrs.ts';
export { assertFinite, assertIndices } from './assert.ts';
export { detach, withoutGradient, zerosFrom } from './autodiff.ts';
export {
  requireAlive,
  requireBoolean,
  requireFraction,
  requireInteger,
  requireKnownOptions,
  requireNonNegative,
  requireOneOf,
  requireOption,
  requirePositive,
} from './check.ts';
export type { CodeSearch, ScoreSpace } from './code-search.ts';
export { codeSearch } from './code-search.ts';
export { sameSpace } from './code-space.ts';
export { decodeInPieces } from './decode-any.ts';
export type { Derived } from './derived.ts';
export { derived } from './derived.ts';
export { mixedRadixDigits } from './digits.ts';
export {
  DataError,
  DisposedError,
  DtypeError,
  OptionError,
  obstacleOf,
  phrase,
  QuantizerError,
  reason,
  ShapeError,
  shorten,
  show,
  UnsupportedError,
} from './errors.ts';
export type { FsqAttrs } from './fsq-attrs.ts';
export type { Kernel, KernelDefinition, Replacements } from './kernel.ts';
export { defineKernel, kernelReport, provideKernel, replacementReport } from './kernel.ts';
export type { BitEntropyAttrs, BitEntropyInputs } from './kernels/bit-entropy.ts';
export { bitEntropy, MAX_CODEBOOK_ENTROPY_BITS } from './kernels/bit-entropy.ts';
export { codeCounts } from './kernels/code-counts.ts';
export { fsqCodes, fsqDecode, fsqEncode, fsqQuantize } from './kernels/fsq-quantize.ts';
export { gatherCodes } from './kernels/gather-codes.ts';
export { gatherSum } from './kernels/gather-sum.ts';
export { matMul } from './kernels/mat-mul.ts';
export type { NearestCodeInputs } from './kernels/nearest-code.ts';
export { nearestCode } from './kernels/nearest-code.ts';
export type { NearestCodeExactInputs, ScoreInputs } from './kernels/nearest-code-exact.ts';
export { nearestCodeExact } from './kernels/nearest-code-exact.ts';
export { mean, provideReductionGradients, sum } from './kernels/reduce.ts';
export type { ResidualFsqAttrs } from './kernels/residual-fsq.ts';
export { residualFsq, residualFsqDecode } from './kernels/residual-fsq.ts';
export type { ResidualSignAttrs } from './kernels/residual-sign.ts';
export { residualSign, residualSignDecode } from './kernels/residual-sign.ts';
export { reverseBits } from './kernels/reverse-bits.ts';
export { rotateRowsTo } from './kernels/rotate-to.ts';
export { selectRows } from './kernels/select-rows.ts';
export type { SignAttrs } from './kernels/sign-quantize.ts';
export { signCodes, signEncode, signQuantize } from './kernels/sign-quantize.ts';
export { softClamp } from './kernels/soft-clamp.ts';
export { stopGradient } from './kernels/stop-gradient.ts';
export { straightThrough } from './kernels/straight-through.ts';
export type { TokenLayout } from './layout.ts';
export { asRows, layoutOf, maskWeights, requireTensor, tokenLayout } from './layout.ts';
export { countParameters, limitParameters } from './parameter-limit.ts';
export type { Parameter, ParameterLayout, ParameterSet } from './parameters.ts';
export { createParameterSet, ownedVariable, randomOrthogonal, stateWhileAlive, TRANSPOSED } from './parameters.ts';
export type { PlainTensor } from './plain-tensor.ts';
export { floatsOf, integersOf, requireFinite } from './plain-tensor.ts';
export type { QuantizeResult, Quantizer } from './quantizer.ts';
export { createQuantizer } from './quantizer.ts';
export { readNow } from './read-now.ts';
export type { Rng, RngState } from './rng.ts';
export { createRng } from './rng.ts';
export type { Schedule } from './schedule.ts';
export { requireSchedule, scheduleAt } from './schedule.ts';
export type { QuantizeOptions, TokenCall, TokenMethod, TokenResult } from './token-method.ts';
export type { DataFormat, TokenConfig } from './token-options.ts';
export { resolveTokenOptions } from './token-options.ts';
export type { TrainingState } from './training-state.ts';
export { unitLength } from './unit-length.ts';
