import { expect, it } from 'vitest';
import type { BenchHarness } from '../packages/vqkit/src/cli/bench-harness.ts';

/** Here, because the command line may not depend on a package that is neither published nor installed for training. */
it('gives the command line what it uses of @vqkit/bench', async () => {
  const harness: BenchHarness = await import('@vqkit/bench');
  for (const name of ['runBenchmarks', 'readResult', 'compareResults', 'markdownTable', 'generateDocs'] as const)
    expect(harness[name]).toBeTypeOf('function');
  expect(harness.experiments.length).toBeGreaterThan(10);
});
