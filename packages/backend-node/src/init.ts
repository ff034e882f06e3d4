import { ready, setBackend, version_core } from '@tensorflow/tfjs-core';
import { init as initWasm } from '@vqkit/backend-wasm';
import {
  kernelReport,
  obstacleOf,
  phrase,
  type Replacements,
  replacementReport,
  requireInteger,
  requireKnownOptions,
  requireOneOf,
  UnsupportedError,
} from '@vqkit/core-tensor';
import { type Obstacle, startNative } from './native/start.ts';

/** The engines of a Node process, fastest first. */
const ENGINES = ['native', 'wasm', 'cpu'] as const;

export type NodeEngine = (typeof ENGINES)[number];

export interface NodeInitOptions {
  /** The engine to try first; the slower ones follow if it cannot run. Default `native`. */
  readonly prefer?: NodeEngine;
  /** Threads of the native and the wasm engine, 1 to 64. Default all cores. Fixed once an engine runs; cpu uses one. */
  readonly threads?: number;
}

/** An engine that was not taken, and why. */
export interface NotChosen extends Obstacle {
  readonly engine: NodeEngine;
}

/** What runs, and why nothing faster does. Plain data, to print or to store with a result. */
export interface NodeEngineReport {
  readonly engine: NodeEngine;
  /** Version of @tensorflow/tfjs-core. */
  readonly tfjs: string;
  /** Version of the native TensorFlow library, when that is the engine. */
  readonly tensorflow?: string;
  readonly threads: number;
  readonly notChosen: readonly NotChosen[];
  /** How every kernel of vqkit that is loaded runs on the engine. */
  readonly kernels: ReturnType<typeof kernelReport>;
  /** What it has replaced in TensorFlow.js, for other models in the process too. */
  readonly replaces: Replacements;
}

/**
 * Chooses the best engine of this Node process, makes it the active one, and says what it chose and why nothing faster.
 *
 * Native TensorFlow if `@tensorflow/tfjs-node` is installed and loads, else WebAssembly, else plain JavaScript.
 *
 * @throws OptionError when an option breaks its rule.
 * @example
 * const { engine, threads, notChosen } = await init();
 * console.log(`running on ${engine}, ${threads} threads`);
 * for (const { engine: other, reason, fix } of notChosen) console.log(`not ${other}: ${reason}. ${fix}`);
 */
export async function init(options: NodeInitOptions = {}): Promise<NodeEngineReport> {
  requireKnownOptions('init', options, ['prefer', 'threads']);
  const { prefer = 'native', threads } = options;
  requireOneOf('init', 'prefer', prefer, ENGINES);
  if (threads !== undefined) requireInteger('init', 'threads', threads, 1, 64);

  const notChosen: NotChosen[] = [];
  for (const engine of ENGINES) {
    if (ENGINES.indexOf(engine) < ENGINES.indexOf(prefer)) {
      notChosen.push({ engine, reason: `prefer is '${prefer}'`, fix: `Pass prefer: '${engine}' to try it.` });
      continue;
    }
    const started = await starters[engine](threads);
    if ('reason' in started) {
      notChosen.push({ engine, reason: started.reason, fix: started.fix });
      continue;
    }
    return {
      engine,
      tfjs: version_core,
      ...started,
      notChosen,
      kernels: kernelReport(),
      replaces: replacementReport(),
    };
  }
  const reasons = notChosen.map(({ engine, reason }) => `${engine}: ${reason}`).join('; ');
  throw new UnsupportedError(
    'init',
    'an engine',
    'run here',
    phrase(`none (${reasons})`),
    'Reinstall @vqkit/backend-node.',
  );
}

type Started = { readonly threads: number; readonly tensorflow?: string };

const starters: Record<NodeEngine, (threads: number | undefined) => Promise<Started | Obstacle>> = {
  native: startNative,
  wasm: async (threads) => {
    try {
      return { threads: (await initWasm(threads === undefined ? {} : { threads })).threads };
    } catch (error) {
      return {
        reason: obstacleOf(error).reason,
        fix: 'Reinstall @tensorflow/tfjs-backend-wasm 4.22.0, or pass prefer: "cpu".',
      };
    }
  },
  cpu: async () => {
    await import('@tensorflow/tfjs-backend-cpu');
    await setBackend('cpu');
    await ready();
    return { threads: 1 };
  },
};
