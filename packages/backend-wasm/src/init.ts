import { BackendWasm, setThreadsCount, version_wasm } from '@tensorflow/tfjs-backend-wasm';
import {
  engine,
  env,
  findBackendFactory,
  ready,
  registerBackend,
  removeBackend,
  setBackend,
} from '@tensorflow/tfjs-core';
import {
  phrase,
  type Replacements,
  reason,
  replacementReport,
  requireBoolean,
  requireInteger,
  requireKnownOptions,
  requireOption,
  UnsupportedError,
} from '@vqkit/core-tensor';
import { coreCount, removeCrashHandlers } from '#platform';
import { attachEngine } from './engine.ts';
import { provideKernels, replaceTfjsKernels } from './kernels/index.ts';
import { startTfjsModule, type TfjsModule } from './tfjs-module.ts';

export interface InitOptions {
  /**
   * Threads for the kernels of this package, 1 to 64. Default: all cores in Node and in a cross-origin isolated page, else 1. Results have
   * the same bits with any number.
   */
  readonly threads?: number;
  /**
   * Where the .wasm files of @tensorflow/tfjs-backend-wasm 4.22.0 are served: a path or address ending in `/`. Not needed: without it they come
   * with this package, inside its JavaScript.
   */
  readonly wasmPaths?: string;
  /**
   * Whether models of plain TensorFlow.js run this package's faster versions of convolutions, matrix products, pools, sums and means too, for as long
   * as the process lives. They round otherwise. Default false: beside vqkit such a model computes what it does without, bit for bit.
   */
  readonly replaceTfjs?: boolean;
}

/** What the engine is and can do. */
export interface EngineReport {
  readonly engine: 'wasm';
  /** 128-bit SIMD instructions: always true, because init() needs them. */
  readonly simd: boolean;
  /** Threads that run the kernels of this package. */
  readonly threads: number;
  /** Version of @tensorflow/tfjs-backend-wasm. */
  readonly version: string;
  /** What it has replaced in TensorFlow.js, for other models in the process too. */
  readonly replaces: Replacements;
}

const NAME = 'wasm';
let running: { readonly backend: object; report: EngineReport } | undefined;
let replaced = false;
let queue: Promise<unknown> = Promise.resolve();

/**
 * Starts TensorFlow.js on WebAssembly, gives it the kernels that training and quantizing need, and makes it the active engine.
 *
 * Call it before the first tensor. Calling it again is cheap and gives the same report.
 *
 * @throws OptionError when an option breaks its rule; UnsupportedError where WebAssembly SIMD is missing, the .wasm files are not
 * found, or `threads` differs from those of the engine that already runs.
 * @example
 * const { threads } = await init();
 * const y = tf.conv2d(tf.ones<tf.Rank.R4>([1, 8, 8, 3]), tf.ones<tf.Rank.R4>([3, 3, 3, 4]), 1, 'same');
 */
export function init(options: InitOptions = {}): Promise<EngineReport> {
  // One after the other, so that two calls at once start one engine.
  const result = queue.then(() => start(options));
  queue = result.catch(() => undefined);
  return result;
}

async function start(options: InitOptions): Promise<EngineReport> {
  requireKnownOptions('init', options, ['threads', 'wasmPaths', 'replaceTfjs']);
  const { threads, wasmPaths, replaceTfjs = false } = options;
  requireBoolean('init', 'replaceTfjs', replaceTfjs);
  if (threads !== undefined) requireInteger('init', 'threads', threads, 1, 64);
  const alive = backendNow();
  if (running !== undefined && alive === running.backend) {
    const { report } = running;
    if (threads !== undefined && threads !== report.threads) {
      const rule = `be ${report.threads}, with which the wasm engine runs already`;
      const fix =
        "Ask for them in the first call, or call tf.removeBackend('wasm') before, which destroys its tensors.";
      throw new UnsupportedError('init', 'threads', rule, threads, fix);
    }
    await activate();
    if (replaceTfjs && !replaced) running.report = { ...report, replaces: replacedAll() };
    return running.report;
  }
  if ((await env().getAsync('WASM_HAS_SIMD_SUPPORT')) !== true) {
    throw new UnsupportedError(
      'init',
      'this JavaScript engine',
      'have WebAssembly SIMD',
      phrase('none'),
      'Use a browser from 2023 on, or the cpu engine.',
    );
  }
  if (wasmPaths !== undefined) {
    requireOption(
      typeof wasmPaths === 'string',
      'init',
      'wasmPaths',
      "a string ending in '/'",
      wasmPaths,
      "Use for example '/assets/'.",
    );
  }
  if (alive !== undefined && threads !== undefined && threads > 1) {
    throw new UnsupportedError(
      'init',
      'threads',
      'be 1 when the wasm backend of tfjs runs already',
      threads,
      'Call init() before the first use of it.',
    );
  }
  const wanted = threads ?? Math.min(coreCount(), 64);
  if (alive === undefined) await register(wanted, threads !== undefined, wasmPaths);
  await activate();
  removeCrashHandlers();
  const backend = backendNow() as BackendWasm;
  const attached = await attachEngine(backend, wanted);
  provideKernels(backend);
  const replaces = replaceTfjs ? replacedAll() : replacementReport(NAME);
  const report: EngineReport = {
    engine: 'wasm',
    simd: true,
    threads: attached.threads,
    version: version_wasm,
    replaces,
  };
  running = { backend, report };
  return report;
}

function replacedAll(): Replacements {
  if (!replaced) replaceTfjsKernels();
  replaced = true;
  return replacementReport(NAME);
}

/** The instance behind the name `wasm`, if tfjs has made it already. */
function backendNow(): object | undefined {
  return engine().registry[NAME];
}

/** Registers the threaded build where it is wanted and can be had, else the plain one. */
async function register(threads: number, required: boolean, wasmPaths: string | undefined): Promise<void> {
  const module = (threads > 1 && (await startThreaded(threads, required, wasmPaths))) || (await startPlain(wasmPaths));
  if (findBackendFactory(NAME) !== null) removeBackend(NAME);
  registerBackend(NAME, () => new BackendWasm(module as unknown as BackendWasm['wasm']), 2);
}

async function startThreaded(
  threads: number,
  required: boolean,
  wasmPaths: string | undefined,
): Promise<TfjsModule | undefined> {
  try {
    const module = await inTime(startTfjsModule(true, wasmPaths));
    // Of XNNPACK, whose work our kernels do.
    setThreadsCount(1);
    return module;
  } catch (error) {
    if (!required) return undefined;
    if (error instanceof UnsupportedError) throw error;
    const got = phrase(`${threads}, and of that: ${String(error)}`, threads);
    throw new UnsupportedError('init', 'threads', 'be as many as can start here', got, 'Use threads: 1.');
  }
}

async function startPlain(wasmPaths: string | undefined): Promise<TfjsModule> {
  try {
    return await inTime(startTfjsModule(false, wasmPaths));
  } catch (error) {
    throw error instanceof UnsupportedError ? error : notStarted(error);
  }
}

const START_MS = 60_000;

/** tfjs waits for ever for a file or a worker that does not come. */
async function inTime<T>(starting: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const why = `it did not start within ${START_MS / 1000} s`;
    timer = setTimeout(() => reject(new Error(why)), START_MS);
  });
  try {
    return await Promise.race([starting, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function activate(): Promise<void> {
  let started = false;
  try {
    started = await inTime(setBackend(NAME));
    await ready();
  } catch (error) {
    throw notStarted(error);
  }
  if (!started) throw notStarted('the console says why');
}

function notStarted(why: unknown): UnsupportedError {
  return new UnsupportedError(
    'init',
    'TensorFlow.js',
    'be able to start its wasm backend',
    reason(why),
    "In a page, allow 'wasm-unsafe-eval' if a content security policy blocks WebAssembly; or use the cpu engine.",
  );
}
