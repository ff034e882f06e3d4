import { defineConfig } from 'vitest/config';

/** Tests of the workspace itself: its scripts, and the built packages as a user gets them (`npm run build` comes first). */
const workspace = { name: 'workspace', include: ['test/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000 };

export default defineConfig({
  test: { projects: ['packages/*', 'apps/*', { test: workspace }], maxWorkers: 2 },
});
