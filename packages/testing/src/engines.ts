import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { env, ready, removeBackend, scalar, setBackend } from '@tensorflow/tfjs-core';
import { findNative, startNative } from '@vqkit/backend-node';
import { UnsupportedError } from '@vqkit/core-tensor';
import { beforeAll, describe, it } from 'vitest';

export type EngineName = 'cpu' | 'wasm' | 'wasm-threads' | 'native' | 'webgpu';

/**
 * Whether this is the full run (`bash .ci/run`). The short one, `npm test`, leaves out what takes long and finds little more; a test that it
 * leaves out says so in its name.
 */
export const fullRun: boolean = process.env.VQKIT_TESTS === 'full';

/** How each engine is started; throws where it cannot run on this machine. */
const engines: Record<EngineName, () => Promise<void>> = {
  cpu: startCpu,
  wasm: () => startWasm(1),
  'wasm-threads': () => startWasm(2),
  native: startNativeEngine,
  webgpu: async () => {
    const { init } = await import('@vqkit/backend-webgpu');
    await init();
  },
};

async function startCpu(): Promise<void> {
  await import('@tensorflow/tfjs-backend-cpu');
  if (!(await setBackend('cpu'))) throw new Error("tf.setBackend('cpu') gave false");
  await ready();
  // The first write prints an advertisement for tfjs-node, except here. Not for longer: the flag also makes tfjs take a cache that is
  // filled inside an operation for a leak.
  env().set('IS_TEST', true);
  scalar(0).dispose();
  env().set('IS_TEST', false);
}

/** tfjs can hold one wasm engine at a time: starting it with another number of threads destroys the tensors of the one before. */
async function startWasm(threads: number): Promise<void> {
  const { init } = await import('@vqkit/backend-wasm');
  await init({ threads }).catch(async (error: unknown) => {
    if (!(error instanceof UnsupportedError)) throw error;
    removeBackend('wasm');
    await init({ threads });
  });
}

async function startNativeEngine(): Promise<void> {
  const started = await startNative();
  if ('reason' in started) throw new Error(`${started.reason}. ${started.fix}`);
}

/** Software rasterisers: SwiftShader, as Debian, Ubuntu and Chrome install it with the browser. */
const SOFTWARE_DRIVERS = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];

/** Why WebGPU cannot run here, if so. Without a driver that the environment names, the tests take one in software. */
async function webgpuMissing(): Promise<string | undefined> {
  const driver = SOFTWARE_DRIVERS.map((folder) => `${folder}/vk_swiftshader_icd.json`).find(existsSync);
  if (driver !== undefined) process.env.VK_ICD_FILENAMES ??= driver;
  const { findAdapter } = await import('@vqkit/backend-webgpu');
  return findAdapter().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

/**
 * Whether an engine's arithmetic takes subnormal numbers (below 2^-126) for zeros. vqkit's kernels for it
 * tell them from zero all the same where ids depend on it.
 */
export function subnormalsAreZero(engine: EngineName): boolean {
  return engine === 'native' || engine === 'webgpu';
}

/** Makes an engine the active one. Tensors made on another engine stay usable: tfjs moves their data when they are next read. */
export async function startEngine(name: EngineName): Promise<void> {
  await engines[name]();
}

/** What REQUIRE_BACKENDS may name beside the engines: the tests in a browser, those of the queue, and those that ask a package of Python. */
const OTHERS = ['chromium', 'redis', 'tensorboard', 'onnxruntime', 'torch'];

const required = (process.env.REQUIRE_BACKENDS ?? '').split(',').filter((name) => name !== '');

/**
 * Why an engine cannot run here. Only native and webgpu may be missing: a wasm engine that does not start is a bug, and so is a
 * native one that is installed.
 */
const missing: Partial<Record<EngineName, string>> = {};
const native = findNative();
if ('reason' in native) missing.native = native.reason;
const whyNoWebgpu = await webgpuMissing();
if (whyNoWebgpu !== undefined) missing.webgpu = whyNoWebgpu;

/** Why an engine cannot run here; undefined if it can, or if REQUIRE_BACKENDS says that it must. For tests of one engine only. */
export function engineMissing(name: EngineName): string | undefined {
  return required.includes(name) ? undefined : missing[name];
}

/** Why no Redis server can be started here; undefined if one can, or if REQUIRE_BACKENDS says that it must. */
export function redisMissing(): string | undefined {
  if (required.includes('redis')) return undefined;
  return spawnSync('redis-server', ['--version']).status === 0 ? undefined : 'redis-server is not installed';
}

/** The Python that tests ask: VQKIT_PYTHON, else python3; with the packages that .ci/run installs into test-results/python. */
export const PYTHON: string = process.env.VQKIT_PYTHON ?? 'python3';
export const PYTHON_ENV: NodeJS.ProcessEnv = {
  ...process.env,
  PYTHONPATH: [
    fileURLToPath(new URL('../../../test-results/python', import.meta.url)),
    process.env.PYTHONPATH ?? '',
  ].join(delimiter),
};

/** Why Python cannot import these modules here; undefined if it can, or if REQUIRE_BACKENDS names one of them. */
export function pythonMissing(...modules: readonly string[]): string | undefined {
  if (modules.some((name) => required.includes(name))) return undefined;
  const { status } = spawnSync(PYTHON, ['-c', `import ${modules.join(', ')}`], { env: PYTHON_ENV });
  return status === 0 ? undefined : `${PYTHON} has no ${modules.join(', ')}`;
}

const running = (Object.keys(engines) as EngineName[]).filter((name) => engineMissing(name) === undefined);

/** The place of an engine among those that run here. */
export function engineIndex(name: EngineName): number {
  return running.indexOf(name);
}

/**
 * How many of `count` repetitions an engine makes. On WebGPU a twentieth: here it runs on a software rasteriser, and an operation
 * takes a millisecond however small it is.
 */
export function repetitions(engine: EngineName, count: number): number {
  return engine === 'webgpu' ? Math.ceil(count / 20) : count;
}

/**
 * Runs a suite once per engine. A missing engine fails when REQUIRE_BACKENDS (a comma list) names it; otherwise its suite is skipped,
 * with the reason in its name.
 */
export function eachEngine(suite: (engine: EngineName) => void): void {
  for (const name of Object.keys(engines) as EngineName[]) {
    const reason = engineMissing(name);
    const skipped = reason !== undefined;
    describe.skipIf(skipped)(skipped ? `on ${name}: skipped, ${reason}` : `on ${name}`, () => {
      beforeAll(async () => {
        await startEngine(name);
      });
      suite(name);
    });
  }
  for (const name of required) {
    if (name in engines || OTHERS.includes(name)) continue;
    it(`REQUIRE_BACKENDS names the engine '${name}'`, () => {
      throw new Error(`REQUIRE_BACKENDS: '${name}' must be one of ${[...Object.keys(engines), ...OTHERS].join(', ')}.`);
    });
  }
}
