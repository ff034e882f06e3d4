import { it } from 'vitest';
import { type EngineName, engineIndex, fullRun, repetitions } from './engines.ts';

/** Ends the name of a test that the short run leaves out; scripts/test.mjs counts them by it. */
const LEFT = '[left to the full run: bash .ci/run]';

/** Of a table of engines, options and laws, the short run has every third cell along each side. */
const STRIDE = 3;

/**
 * Whether a cell of a table of tests runs: in the full run each, in the short one those whose coordinates add up to a multiple of three, a Latin
 * square. Any two coordinates then meet for some third one, where each side has three places: every engine with every variant, every variant with
 * every law, every law with every engine. What is left out is the third of three that agree.
 *
 * @param coordinates places along the other sides.
 */
export function isChosen(engine: EngineName, ...coordinates: number[]): boolean {
  return fullRun || coordinates.reduce((a, b) => a + b, engineIndex(engine)) % STRIDE === 0;
}

/** The name of a test, or of a suite, that the short run may leave out. */
export function titleIf(chosen: boolean, name: string): string {
  return chosen ? name : `${name} ${LEFT}`;
}

type AddTest = (name: string, work: () => unknown) => void;

/**
 * `it` for a suite of `eachEngine` with more tests than engines need: in the short run the first, fourth, … test runs on the first engine, the second, fifth, …
 * on the third, so that every test runs on some engine and every engine runs every third test. For suites of compositions, whose
 * own code is the same on every engine.
 */
export function spreadIt(engine: EngineName): AddTest {
  let count = 0;
  return (name, work) => {
    const chosen = isChosen(engine, count++);
    it.skipIf(!chosen)(titleIf(chosen, name), work);
  };
}

/** `it` for tests that train, which take seconds in plain JavaScript: in the short run wasm alone runs them. */
export function trainingIt(engine: EngineName): AddTest {
  const chosen = fullRun || engine === 'wasm';
  return (name, work) => {
    it.skipIf(!chosen)(titleIf(chosen, name), work);
  };
}

/** Describes a part of a suite, or one test in its place that says that it is left out. */
export function describeIf(chosen: boolean, name: string, part: () => void): void {
  if (chosen) part();
  else it.skipIf(true)(titleIf(chosen, name), () => undefined);
}

/** The seed of random tests: in the short run each engine draws others. */
export function seedOf(engine: EngineName, seed: number): number {
  return fullRun ? seed : seed + engineIndex(engine);
}

/** Repetitions that only make a rare fault likelier: as many in the full run, a share of them on each engine in the short one. */
export function spreadRuns(count: number): number {
  return fullRun ? count : Math.ceil(count / STRIDE);
}

/** Steps of a test for leaks: one shows in the second step; `full`, those of the full run, are for one that comes now and then. */
export function leakSteps(engine: EngineName, full = 1000): number {
  return Math.max(3, repetitions(engine, fullRun ? full : 15));
}
