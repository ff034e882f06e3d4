import { it } from 'vitest';
import { type EngineName, engineIndex, fullRun, repetitions } from './engines.ts';

/** Ends the name of a test that the short run leaves out; scripts/test.mjs counts them by it. */
const LEFT = '[left to the full run: bash .ci/run]';

/** Of a table of engines, options and laws, the short run has every third cell along each side. */
const STRIDE = 3;

/**
 * Whether a cell of a table of tests runs: on wasm in the full run each, else those whose coordinates add up to a multiple of three, a Latin
 * square. Any two coordinates then meet for some third one, where each side has three places: every engine with every variant, every variant with
 * every law, every law with every engine. What is left out is the third of three that agree: of 168 planted faults the whole product killed none that the square
 * had let live (docs/mutations.md).
 *
 * @param coordinates places along the other sides.
 */
export function isChosen(engine: EngineName, ...coordinates: number[]): boolean {
  return (fullRun && engine === 'wasm') || coordinates.reduce((a, b) => a + b, engineIndex(engine)) % STRIDE === 0;
}

/** The name of a test, or of a suite, that the short run may leave out. */
export function titleIf(chosen: boolean, name: string): string {
  return chosen ? name : `${name} ${LEFT}`;
}

type AddTest = (name: string, work: () => unknown) => void;

/**
 * `it` for a suite of `eachEngine` with more tests than engines need: the first, fourth, … test runs on the first engine, the second, fifth, …
 * on the third, so that every test runs on some engine and every engine runs every third test; in the full run wasm has all of them. For suites of compositions, whose
 * own code is the same on every engine.
 */
export function spreadIt(engine: EngineName): AddTest {
  let count = 0;
  return (name, work) => addIf(isChosen(engine, count++), name, work);
}

/** `it` for tests that train, which take seconds in plain JavaScript: in the short run wasm alone runs them, in the full one each other engine every third. */
export function trainingIt(engine: EngineName): AddTest {
  let count = 0;
  return (name, work) => addIf(fullRun ? isChosen(engine, count++) : engine === 'wasm', name, work);
}

/** Adds a test, or in the short run one in its place that says that it is left out; in the full one another engine has it. */
function addIf(chosen: boolean, name: string, work: () => unknown): void {
  if (chosen || !fullRun) it.skipIf(!chosen)(titleIf(chosen, name), work);
}

/** Describes a part of a suite, or in the short run one test in its place that says that it is left out. */
export function describeIf(chosen: boolean, name: string, part: () => void): void {
  if (chosen) part();
  else addIf(false, name, () => undefined);
}

/** The seed of random tests: in the short run each engine draws others. */
export function seedOf(engine: EngineName, seed: number): number {
  return fullRun ? seed : seed + engineIndex(engine);
}

/** Repetitions that only make a rare fault likelier: as many in the full run, a share of them on each engine in the short one. */
export function spreadRuns(count: number): number {
  return fullRun ? count : Math.ceil(count / STRIDE);
}

/** The share of the full run's steps of a test for leaks. */
const LEAK_STEPS: Readonly<Record<EngineName, number>> = {
  cpu: 0.1,
  wasm: 1,
  'wasm-threads': 0.1,
  native: 0.1,
  webgpu: 0.01,
};

/**
 * Steps of a test for leaks: one shows in the second step; `full`, those of the full run, are for one that comes now and then. All of them on wasm: what makes and
 * disposes of tensors is the same code on every engine.
 */
export function leakSteps(engine: EngineName, full = 1000): number {
  return Math.max(3, fullRun ? full * LEAK_STEPS[engine] : repetitions(engine, 15));
}
