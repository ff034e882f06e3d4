export type {
  CodebookReport,
  EntropyReport,
  LatentReport,
  PairReport,
  TrackerReport,
  UsageReport,
} from './report.ts';
export type { CodeUsage, Tracker, TrackerOptions, TrackerUpdate } from './tracker.ts';
export { createTracker } from './tracker.ts';
export {
  codeHistogram,
  codesForShare,
  entropyOfCounts,
  expectedUsedCodes,
  flipRate,
  giniCoefficient,
} from './usage.ts';
