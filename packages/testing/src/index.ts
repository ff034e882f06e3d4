export { type BitEntropies, bitEntropies } from './bit-entropies.ts';
export { exactDistance, HARD_CODEBOOKS, hardSearch, nearestByFloat64, type SearchProblem } from './codebooks.ts';
export { describeQuantizer, type QuantizerSubject } from './contract.ts';
export {
  type EngineName,
  eachEngine,
  engineMissing,
  fullRun,
  PYTHON,
  PYTHON_ENV,
  pythonMissing,
  redisMissing,
  repetitions,
  startEngine,
  subnormalsAreZero,
} from './engines.ts';
export { filled } from './filled.ts';
export { withFullHeap } from './full-heap.ts';
export {
  camelCaseOptions,
  type Golden,
  type GoldenTensor,
  goldenAdamW,
  goldenCases,
  goldenModules,
  goldenResnets,
  goldenRotations,
  goldenSeanets,
  goldenTensor,
  goldenVq,
  type ModuleGolden,
  publishedGoldens,
  pythonFile,
  type VqGolden,
} from './goldens.ts';
export { gradientError } from './gradients.ts';
export { optionsOf } from './laws/state.ts';
export { memoize } from './memoize.ts';
export { expectNoFallback } from './no-fallback.ts';
export { leakSteps, seedOf, spreadIt, spreadRuns, titleIf, trainingIt } from './short-run.ts';
export { tolerances } from './tolerances.ts';
export { expectClose, expectIdentical, expectSame } from './values.ts';
