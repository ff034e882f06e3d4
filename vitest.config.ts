import { defineConfig } from 'vitest/config';
import { fullRun, isolated, testsOf } from './vitest.shared.ts';

/** Tests of the workspace itself: its scripts, and the built packages as a user gets them (`npm run build` comes first). */
const workspace = { name: 'workspace', include: ['test/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000 };

/** In the short run the packages that allow it share their processes; the benchmarks, which start an engine with a thread of its own, share theirs alone. */
const alone = [...isolated, 'apps/bench'];
const others = ['packages/*', 'apps/*', ...alone.map((folder) => `!${folder}`)];
const folder = (pattern: string): string => `${pattern}/test/**/*.test.ts`;
const shared = testsOf('shared', others.map(folder), false);

export default defineConfig({
  test: {
    projects: [...(fullRun ? ['packages/*', 'apps/*'] : [...alone, shared]), { test: workspace }],
    maxWorkers: 2,
  },
});
