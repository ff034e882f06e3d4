import { requireInteger, requireKnownOptions, requireOneOf, requireOption, requirePositive } from './check.ts';

/** A positive number that may change over training: plain data, so that a checkpoint can hold it. */
export type Schedule =
  | number
  | {
      /** Value at step 0. */
      from: number;
      /** Value at `steps` and after. */
      to: number;
      /** Steps over which it changes. */
      steps: number;
      /** How it moves between the two; `exponential` multiplies by a constant factor each step. Default `linear`. */
      shape?: 'linear' | 'cosine' | 'exponential';
    };

export function requireSchedule(where: string, argument: string, schedule: Schedule): void {
  if (typeof schedule === 'number') {
    requirePositive(where, argument, schedule);
    return;
  }
  requireOption(
    typeof schedule === 'object' && schedule !== null,
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
 * The value of a schedule at a step.
 * @throws OptionError when the schedule changes over time and no step was given.
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
  const done = Math.min(step / steps, 1);
  if (shape === 'exponential') return from * (to / from) ** done;
  const share = shape === 'cosine' ? (1 - Math.cos(Math.PI * done)) / 2 : done;
  return from + (to - from) * share;
}
