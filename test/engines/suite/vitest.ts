// What test files take from vitest, for a page: files written for Node run in a browser as they are.
import { chai, customMatchers, JestAsymmetricMatchers, JestChaiExpect, JestExtend } from '@vitest/expect';

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);
(chai.expect as unknown as { extend(expect: object, matchers: object): void }).extend(chai.expect, customMatchers);
export const { expect } = chai;

type Work = () => unknown;

interface Suite {
  readonly name: string;
  readonly before: Work[];
  readonly after: Work[];
  readonly beforeEach: Work[];
  readonly afterEach: Work[];
  readonly parts: (Suite | Test)[];
}

interface Test {
  readonly name: string;
  readonly work: Work;
}

/** What came of a file: how many tests passed, and the name and the error of each that did not. */
export interface Outcome {
  readonly passed: number;
  readonly failed: string[];
}

let current = suiteOf('');

function suiteOf(name: string): Suite {
  return { name, before: [], after: [], beforeEach: [], afterEach: [], parts: [] };
}

function addSuite(name: string, fill: () => void): void {
  const [outer, own] = [current, suiteOf(name)];
  outer.parts.push(own);
  current = own;
  fill();
  current = outer;
}

function addTest(name: string, work: Work): void {
  current.parts.push({ name, work });
}

const skipped = (): void => undefined;

/** `%s`, `%i`, `%o` and the like, one after the other. */
function format(name: string, values: readonly unknown[]): string {
  const left = [...values];
  return name.replace(/%[sdijo]/g, () => {
    const value = left.shift();
    return typeof value === 'string' ? value : JSON.stringify(value);
  });
}

type Each = (cases: readonly unknown[]) => (name: string, work: (...values: unknown[]) => unknown) => void;

function eachOf(add: (name: string, work: () => void) => void): Each {
  return (cases) => (name, work) => {
    for (const given of cases) {
      const values = Array.isArray(given) ? given : [given];
      add(format(name, values), () => work(...values));
    }
  };
}

export const describe: typeof addSuite & { skipIf(skip: boolean): typeof addSuite; each: Each } = Object.assign(
  addSuite,
  { skipIf: (skip: boolean) => (skip ? skipped : addSuite), each: eachOf(addSuite) },
);
export const it: typeof addTest & { skipIf(skip: boolean): typeof addTest; each: Each } = Object.assign(addTest, {
  skipIf: (skip: boolean) => (skip ? skipped : addTest),
  each: eachOf(addTest),
});
export const beforeAll = (work: Work): number => current.before.push(work);
export const afterAll = (work: Work): number => current.after.push(work);
export const beforeEach = (work: Work): number => current.beforeEach.push(work);
export const afterEach = (work: Work): number => current.afterEach.push(work);

/** Loads a test file and runs what it describes. */
export async function runFile(load: () => Promise<unknown>): Promise<Outcome> {
  const root = suiteOf('');
  current = root;
  await load();
  const outcome = { passed: 0, failed: [] as string[] };
  await runSuite(root, [], outcome);
  return outcome;
}

async function runSuite(
  suite: Suite,
  outer: readonly Suite[],
  outcome: { passed: number; failed: string[] },
): Promise<void> {
  const chain = [...outer, suite];
  const attempt = async (name: string, works: readonly Work[]): Promise<boolean> => {
    try {
      for (const work of works) await work();
      return true;
    } catch (error) {
      const path = [...chain.map((each) => each.name), name].filter((part) => part !== '').join(' > ');
      outcome.failed.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  };
  if (!(await attempt('beforeAll', suite.before))) return;
  for (const part of suite.parts) {
    if ('parts' in part) {
      await runSuite(part, chain, outcome);
      continue;
    }
    const began = chain.flatMap((each) => each.beforeEach);
    const ends = [...chain].reverse().flatMap((each) => each.afterEach);
    if (await attempt(part.name, [...began, part.work])) outcome.passed++;
    await attempt(`afterEach of ${part.name}`, ends);
  }
  await attempt('afterAll', suite.after);
}
