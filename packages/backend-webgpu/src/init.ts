import { engine, ready, registerBackend, removeBackend, setBackend } from '@tensorflow/tfjs-core';
import {
  obstacleOf,
  phrase,
  type Replacements,
  reason,
  replacementReport,
  requireInteger,
  requireKnownOptions,
  requireOneOf,
  UnsupportedError,
} from '@vqkit/core-tensor';
import { DeviceBackend } from './backend.ts';
import { requestAdapter } from './gpu.ts';
import { provideKernels } from './kernels/index.ts';
import { type DeviceLimits, setLimits } from './program.ts';

export interface InitOptions {
  /** Which GPU to use on machines with two. Default `high-performance`. */
  readonly powerPreference?: 'high-performance' | 'low-power';
  /** Limits below the device's; higher values have no effect. Default the device's. */
  readonly limits?: Partial<DeviceLimits>;
}

/** The GPU that {@link init} uses. */
export interface AdapterReport {
  /** As the driver names it, such as `nvidia ampere`. */
  readonly adapter: string;
  /** Whether it is a software rasteriser on the CPU: correct, but slow. */
  readonly software: boolean;
}

/** What the engine is and can do. */
export interface EngineReport extends AdapterReport {
  readonly engine: 'webgpu';
  readonly limits: DeviceLimits;
  /** Version of @tensorflow/tfjs-backend-webgpu. */
  readonly version: string;
  /** What it has replaced in TensorFlow.js, for other models in the process too. */
  readonly replaces: Replacements;
}

const NAME = 'webgpu';
const MOST = Number.MAX_SAFE_INTEGER;
/** What package.json pins; the package itself does not tell. */
const VERSION = '4.22.0';

let running: { readonly backend: DeviceBackend; readonly report: EngineReport } | undefined;
let queue: Promise<unknown> = Promise.resolve();

/**
 * Starts TensorFlow.js on WebGPU, gives it the quantizers' kernels, and makes it the active engine: in browsers, and in Node through the
 * package `webgpu`.
 *
 * Call it before the first tensor. Calling it again is cheap and gives the same report; after the loss of the device it starts a new one.
 *
 * @throws OptionError when an option breaks its rule; UnsupportedError where there is no WebGPU, no adapter, no package `webgpu` or no
 * driver, each with the fix.
 * @example
 * const { adapter, software } = await init();
 * console.log(`running on ${adapter}${software ? ', in software' : ''}`);
 */
export function init(options: InitOptions = {}): Promise<EngineReport> {
  // One after the other, so that two calls at once start one device.
  const result = queue.then(() => start(options));
  queue = result.catch(() => undefined);
  return result;
}

/** Why the engine does not run, without a full stop, and what to do about it. */
export interface Obstacle {
  readonly reason: string;
  readonly fix: string;
}

/**
 * {@link init} for programs that have other engines to fall back on: gives why WebGPU does not run, instead of throwing it.
 *
 * @example
 * const started = await startWebgpu();
 * if ('reason' in started) console.log(`no WebGPU: ${started.reason}. ${started.fix}`);
 */
export async function startWebgpu(): Promise<EngineReport | Obstacle> {
  try {
    return await init();
  } catch (error) {
    return obstacleOf(error);
  }
}

/**
 * The GPU that {@link init} would use, without starting the engine.
 *
 * @throws UnsupportedError as init() does.
 * @example
 * const { adapter } = await findAdapter();
 */
export async function findAdapter(): Promise<AdapterReport> {
  return describeAdapter(await requestAdapter('high-performance'));
}

async function start(options: InitOptions): Promise<EngineReport> {
  requireKnownOptions('init', options, ['powerPreference', 'limits']);
  const { powerPreference = 'high-performance', limits = {} } = options;
  requireOneOf('init', 'powerPreference', powerPreference, ['high-performance', 'low-power']);
  requireKnownOptions('init: limits', limits, ['maxStorageBufferBindingSize', 'maxComputeWorkgroupsPerDimension']);
  const { maxStorageBufferBindingSize: bytes, maxComputeWorkgroupsPerDimension: groups } = limits;
  if (bytes !== undefined) requireInteger('init', 'limits.maxStorageBufferBindingSize', bytes, 2 ** 16, MOST);
  if (groups !== undefined) requireInteger('init', 'limits.maxComputeWorkgroupsPerDimension', groups, 1, MOST);

  const alive = engine().registry[NAME];
  if (running !== undefined && alive === running.backend && running.backend.alive) {
    await activate();
    return { ...running.report, limits: setLimits(running.backend, limits) };
  }
  const adapter = await requestAdapter(powerPreference);
  const device = await requestDevice(adapter);
  if (NAME in engine().registryFactory) removeBackend(NAME);
  const backend = new DeviceBackend(device, adapter.info);
  registerBackend(NAME, () => backend, 3);
  await activate();
  provideKernels();
  const report: EngineReport = {
    engine: 'webgpu',
    ...describeAdapter(adapter),
    limits: setLimits(backend, limits),
    version: VERSION,
    replaces: replacementReport(NAME),
  };
  running = { backend, report };
  return report;
}

/** With the limits of the hardware: a device has only the guaranteed ones unless it is asked for more. */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const requiredLimits: Record<string, number> = {};
  for (const name of WANTED) requiredLimits[name] = adapter.limits[name];
  const requiredFeatures = (['timestamp-query', 'bgra8unorm-storage'] as const).filter((name) =>
    adapter.features.has(name),
  );
  try {
    return await adapter.requestDevice({ requiredLimits, requiredFeatures });
  } catch (error) {
    throw new UnsupportedError(
      'init',
      'the adapter',
      'give a device',
      reason(error),
      'Close other programs that use the GPU and try again, or use @vqkit/backend-wasm.',
    );
  }
}

/** What tfjs's kernels and ours are built for. */
const WANTED = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
] as const;

function describeAdapter(adapter: GPUAdapter): AdapterReport {
  // The flag moved from the adapter to its info; browsers have one or the other.
  const { info, isFallbackAdapter } = adapter as unknown as {
    info: { vendor: string; architecture: string; description: string; isFallbackAdapter?: boolean };
    isFallbackAdapter?: boolean;
  };
  const { vendor, architecture, description } = info;
  return {
    adapter: [vendor, architecture].filter((part) => part !== '').join(' ') || description || 'unknown',
    software: info.isFallbackAdapter ?? isFallbackAdapter ?? false,
  };
}

async function activate(): Promise<void> {
  if (!(await setBackend(NAME))) {
    const got = phrase('false; the console says why');
    throw new UnsupportedError(
      'init',
      'TensorFlow.js',
      'be able to start its webgpu backend',
      got,
      'Use another engine.',
    );
  }
  await ready();
}
