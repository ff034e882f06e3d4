import { requireInteger, requireKnownOptions, requireOneOf, requireOption, requirePositive } from './check.ts';

/**
 * A positive number that may change over training: plain data, so that a checkpoint can hold it. With t = min(step/steps, 1):
 *
 * - `linear`: from + (to - from)·t
 * - `cosine`: from + (to - from)·(1 - cos πt)/2
 * - `exponential`: from·(to/from)^t, a constant factor each step
 *
 * @example
 * createLfq({ codebookSize: 1024, invTemperature: { from: 10, to: 100, steps: 1000, shape: 'exponential' } });
 */
export type Schedule =
  | number
  | {
      /** Value at step 0. */
      from: number;
      /** Value at `steps` and after. */
      to: number;
      /** Steps over which it changes. */
      steps: number;
      /** How it moves between the two. Default `linear`. */
      shape?: 'linear' | 'cosine' | 'exponential';
    };

/**
 * Throws unless `schedule` is a positive number or { from, to, steps, shape? } with positive ends and steps >= 1.
 *
 * @throws OptionError
 * @example
 * requireSchedule('createLfq', 'invTemperature', { from: 10, to: 100, steps: 1000 });
 */
export function requireSchedule(where: string, argument: string, schedule: Schedule): void {
  if (typeof schedule === 'number') {
    requirePositive(where, argument, schedule);
    return;
  }
  requireOption(
    typeof schedule === 'object' && schedule !== null && !Array.isArray(schedule),
    where,
    argument,
    'a positive number or { from, to, steps }',
    schedule,
    'Pass for example { from: 10, to: 100, steps: 1000 }.',
  );
  requireKnownOptions(`${where}: ${argument}`, schedule, ['from', 'to', 'steps', 'shape']);
  requirePositive(where, `${argument}.from`, schedule.from);
  requirePositive(where, `${argument}.to`, schedule.to);
  requireInteger(where, `${argument}.steps`, schedule.steps, 1);
  if (schedule.shape !== undefined)
    requireOneOf(where, `${argument}.shape`, schedule.shape, ['linear', 'cosine', 'exponential']);
}

/**
 * The value of a schedule at a step; from `steps` on exactly `to`.
 *
 * @param where name of the calling function, and `argument` the option that is a schedule: both for errors.
 * @throws OptionError when the schedule changes over time and `step` is not a number >= 0.
 * @example
 * scheduleAt('quantize', 'invTemperature', { from: 10, to: 100, steps: 1000 }, 500); // 55
 */
export function scheduleAt(where: string, argument: string, schedule: Schedule, step: number | undefined): number {
  if (typeof schedule === 'number') return schedule;
  requireOption(
    step !== undefined && Number.isFinite(step) && step >= 0,
    where,
    'step',
    `a number >= 0 because ${argument} is a schedule`,
    step,
    'Pass { training: true, step }.',
  );
  const { from, to, steps, shape = 'linear' } = schedule;
  if (step >= steps) return to;
  const done = step / steps;
  if (shape === 'exponential') return from * (to / from) ** done;
  const share = shape === 'cosine' ? (1 - Math.cos(Math.PI * done)) / 2 : done;
  return from + (to - from) * share;
}
