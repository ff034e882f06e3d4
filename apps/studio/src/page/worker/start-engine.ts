import { init as initWasm } from '@vqkit/backend-wasm';
import { init as initWebgpu } from '@vqkit/backend-webgpu';
import type { EngineName } from './calls.ts';

/** Starts an engine and says in words what runs. */
export async function startEngine(name: EngineName): Promise<string> {
  if (name === 'webgpu') {
    const { adapter, software } = await initWebgpu();
    return `WebGPU${software ? ' in software' : ''}${adapter === '' ? '' : ` (${adapter})`}`;
  }
  const { threads } = await initWasm();
  const isolated = globalThis.crossOriginIsolated;
  return `WebAssembly, ${threads} ${threads === 1 ? 'thread' : 'threads'}${isolated ? '' : ' (the page is not cross-origin isolated)'}`;
}
