import { fileURLToPath } from 'node:url';
import { defineProject } from 'vitest/config';

/** Packages whose tests fill an engine's memory or ask which kernels have run: each of their files has a process of its own. */
export const isolated = ['packages/backend-node', 'packages/backend-wasm', 'packages/backend-webgpu', 'apps/train'];

/** Every file has a process of its own in the full run. In the short one files follow one another in the same, which saves a second or two each for modules and engines. */
export const fullRun = process.env.VQKIT_TESTS === 'full';

/** The configuration of the package whose `import.meta.url` this is. */
export function sharedConfig(configUrl: string): ReturnType<typeof testsOf> {
  const [group, name] = fileURLToPath(new URL('.', configUrl)).split('/').slice(-3);
  return testsOf(`${name}`, ['test/**/*.test.ts'], fullRun || isolated.includes(`${group}/${name}`));
}

/**
 * Tests run on the sources of the whole workspace, so that each module exists once:
 * `@vqkit/fsq` resolves to packages/fsq/src/index.ts, `@vqkit/fsq/codec` to packages/fsq/src/codec.ts; backend-wasm's `#platform` to its source too.
 */
export function testsOf(name: string, include: string[], isolate: boolean): ReturnType<typeof defineProject> {
  const packages = fileURLToPath(new URL('./packages/', import.meta.url));
  const apps = fileURLToPath(new URL('./apps/', import.meta.url));
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
      include,
      testTimeout: 300_000,
      hookTimeout: 300_000,
      pool: 'forks',
      isolate,
    },
  });
}
