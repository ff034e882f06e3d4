import { createTracker, type TrackerOptions, type TrackerReport, type TrackerUpdate } from '../src/index.ts';

/** The report of a new tracker after some updates. */
export function tracked(options: TrackerOptions, updates: TrackerUpdate | readonly TrackerUpdate[]): TrackerReport {
  const tracker = createTracker(options);
  for (const update of [updates].flat() as TrackerUpdate[]) tracker.update(update);
  return tracker.report();
}
