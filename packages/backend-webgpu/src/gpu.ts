import { phrase, UnsupportedError } from '@vqkit/core-tensor';

/** The optional peer that brings WebGPU to Node. Held in a variable, so that neither TypeScript nor a bundler asks for it. */
const PACKAGE: string = 'webgpu';
const INSTALL = `npm install ${PACKAGE}@0.6.2`;

/** What we use of the package `webgpu`. */
interface Dawn {
  create(flags: string[]): GPU;
  readonly globals: Record<string, unknown>;
}

const scope = globalThis as unknown as { process?: { versions?: { node?: string } }; navigator?: { gpu?: GPU } };

/** Dawn's GPU object, once it has given an adapter: a process should make one only. */
let ours: GPU | undefined;

/**
 * The adapter of this browser, or of this Node process through Dawn.
 *
 * @throws UnsupportedError that names what is missing, and the fix.
 */
export async function requestAdapter(powerPreference: GPUPowerPreference): Promise<GPUAdapter> {
  const gpu = scope.navigator?.gpu;
  if (gpu !== undefined && gpu !== ours) {
    const adapter = await gpu.requestAdapter({ powerPreference });
    if (adapter !== null) return adapter;
    throw new UnsupportedError(
      'init',
      'this browser',
      'have an adapter for its WebGPU: a graphics processor that it trusts',
      phrase('none'),
      'Update the graphics driver, turn on hardware acceleration in its settings, or use @vqkit/backend-wasm.',
    );
  }
  if (scope.process?.versions?.node === undefined) {
    throw new UnsupportedError(
      'init',
      'this page',
      'have WebGPU (navigator.gpu)',
      phrase('none'),
      'Serve it from https:// or http://localhost to Chrome or Edge 113, Safari 26, Firefox 141 or newer, or use @vqkit/backend-wasm.',
    );
  }
  return requestFromDawn(powerPreference);
}

async function requestFromDawn(powerPreference: GPUPowerPreference): Promise<GPUAdapter> {
  const dawn = await loadDawn();
  const gpu = ours ?? dawn.create([]);
  const adapter = await gpu.requestAdapter({ powerPreference });
  if (adapter === null) {
    throw new UnsupportedError(
      'init',
      'WebGPU',
      'find a graphics driver in this Node process',
      phrase('none'),
      'On Linux install the Vulkan loader and a driver (Debian: apt-get install libvulkan1 mesa-vulkan-drivers, with mesa 23 or newer), or name a driver in VK_ICD_FILENAMES before Node starts; else use @vqkit/backend-wasm.',
    );
  }
  if (ours === undefined) install(gpu, dawn.globals);
  return adapter;
}

async function loadDawn(): Promise<Dawn> {
  try {
    return (await import(PACKAGE)) as Dawn;
  } catch (error) {
    throw explainImport(error);
  }
}

/** Turns what loading the package `webgpu` throws into a reason and a fix. */
export function explainImport(error: unknown): UnsupportedError {
  const message = error instanceof Error ? error.message : String(error);
  if (/(Cannot find (package|module)|Could not resolve|Failed to resolve).*['"]webgpu['"]/.test(message)) {
    const rule = 'be installed, for Node has no WebGPU of its own';
    return new UnsupportedError('init', `the package ${PACKAGE}`, rule, phrase('none'), `Run: ${INSTALL}`);
  }
  const [line = ''] = message.split('\n');
  return new UnsupportedError(
    'init',
    `the package ${PACKAGE}`,
    'load on this system',
    phrase(line, error),
    `Run: ${INSTALL}; it needs Linux with glibc 2.34 or newer, macOS or Windows, x64 or arm64.`,
  );
}

/** tfjs expects what a browser has: the global classes and flags of WebGPU, and `navigator.gpu`. */
function install(gpu: GPU, globals: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(globals)) {
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  if (scope.navigator === undefined) {
    Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true, writable: true });
  }
  Object.defineProperty(scope.navigator, 'gpu', { value: gpu, configurable: true });
  ours = gpu;
}
