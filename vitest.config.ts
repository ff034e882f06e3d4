import { defineConfig } from 'vitest/config';

/** Tests of the workspace itself: its scripts, the READMEs' examples, the packed packages. They use the built packages. */
const workspace = {
  name: 'workspace',
  include: ['test/**/*.test.ts'],
  globalSetup: ['test/global-setup.ts'],
  testTimeout: 120_000,
  hookTimeout: 120_000,
};

export default defineConfig({
  test: { projects: ['packages/*', 'apps/*', { test: workspace }], maxWorkers: 2 },
});
