export type { TrackerUpdate } from './batch.ts';
export type { CodebookRank } from './codebook-rank.ts';
export { usedCodebookRank } from './codebook-rank.ts';
export type { DiagnoseContext, DiagnosedMethod, Diagnosis, Problem } from './diagnose.ts';
export { diagnose } from './diagnose.ts';
export { frechetDistance } from './frechet-distance.ts';
export type { PsnrOptions, SsimOptions } from './images.ts';
export { psnr, ssim } from './images.ts';
export { comparesLatents } from './latent-space.ts';
export type { TopTwo, TopTwoDistances } from './margins.ts';
export { topTwoMargins, topTwoOfScores } from './margins.ts';
export type { PlainShrinkOptions } from './plain-shrink.ts';
export { plainShrink } from './plain-shrink.ts';
export type {
  CodebookReport,
  EntropyReport,
  LatentReport,
  PairReport,
  TrackerReport,
  UsageReport,
} from './report.ts';
export { diagnosisThresholds } from './thresholds.ts';
export type { CodeUsage, Tracker, TrackerOptions } from './tracker.ts';
export { createTracker } from './tracker.ts';
export type { TrackerState } from './tracker-state.ts';
export {
  codeHistogram,
  codesForShare,
  entropyOfCounts,
  expectedUsedCodes,
  flipRate,
  giniCoefficient,
} from './usage.ts';
