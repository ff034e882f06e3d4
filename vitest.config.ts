import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { fullRun, isolated, testsOf } from './vitest.shared.ts';

/** Tests of the workspace itself: its scripts, and the built packages as a user gets them (`npm run build` comes first). */
const workspace = { name: 'workspace', include: ['test/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 300_000 };

/** In the short run the packages that allow it share their processes; the benchmarks, which start an engine with a thread of its own, share theirs alone. */
const alone = [...isolated, 'apps/bench'];
const others = ['packages/*', 'apps/*', ...alone.map((folder) => `!${folder}`)];
const folder = (pattern: string): string => `${pattern}/test/**/*.test.ts`;
const shared = testsOf('shared', others.map(folder), false);

/** Begins with the file that takes longest, which would else run alone at the end: projects follow one another by name. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLongest = ({ moduleId }: TestSpecification): boolean =>
      moduleId.endsWith('/test/engines/chromium-suite.test.ts');
    const sorted = await super.sort(files);
    return [...sorted.filter(isLongest), ...sorted.filter((file) => !isLongest(file))];
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [...(fullRun ? ['packages/*', 'apps/*'] : [...alone, shared]), { test: workspace }],
    maxWorkers: 2,
  },
});
