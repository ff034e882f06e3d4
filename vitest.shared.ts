import { fileURLToPath } from 'node:url';
import { defineProject } from 'vitest/config';

/**
 * One configuration for every package: tests run on the sources of the whole workspace, so that each module exists once.
 * In the short run the files of a package follow one another in the same processes, which saves half a second each for modules and engines;
 * `isolate` gives each its own: in the full run, and for packages whose tests fill an engine's memory or ask which kernels have run.
 * `@vqkit/fsq` resolves to packages/fsq/src/index.ts, `@vqkit/fsq/codec` to packages/fsq/src/codec.ts; backend-wasm's `#platform` to its source too.
 */
export function sharedConfig(
  configUrl: string,
  { isolate = process.env.VQKIT_TESTS === 'full' } = {},
): ReturnType<typeof defineProject> {
  const packages = fileURLToPath(new URL('./packages/', import.meta.url));
  const apps = fileURLToPath(new URL('./apps/', import.meta.url));
  const name = fileURLToPath(new URL('.', configUrl)).split('/').at(-2) ?? 'root';
  return defineProject({
    resolve: {
      alias: [
        { find: /^@vqkit\/(train|bench)$/, replacement: `${apps}$1/src/index.ts` },
        { find: /^@vqkit\/([a-z-]+)$/, replacement: `${packages}$1/src/index.ts` },
        { find: /^@vqkit\/([a-z-]+)\/([a-z-]+)$/, replacement: `${packages}$1/src/$2.ts` },
        { find: '#platform', replacement: `${packages}backend-wasm/src/platform.node.ts` },
      ],
    },
    test: {
      name,
      include: ['test/**/*.test.ts'],
      testTimeout: 120_000,
      hookTimeout: 120_000,
      pool: 'forks',
      isolate,
    },
  });
}
