// What the tests take from packages/testing/src/engines.ts, for a page, which starts one engine.
import '@tensorflow/tfjs-backend-cpu';
import { ready, setBackend } from '@tensorflow/tfjs-core';
import { init as initWasm } from '@vqkit/backend-wasm';
import { init as initWebgpu } from '@vqkit/backend-webgpu';
import { beforeAll, describe } from './vitest.ts';

export type EngineName = 'cpu' | 'wasm' | 'wasm-threads' | 'webgpu';

/** Put here by bundle.ts: what it is in Node. */
declare const FULL_RUN: boolean;
export const fullRun: boolean = FULL_RUN;

const NAMES: readonly EngineName[] = ['cpu', 'wasm', 'wasm-threads', 'webgpu'];
let chosen: EngineName | undefined;

/** Which engine `eachEngine` means in this page. */
export function chooseEngine(name: EngineName): void {
  chosen = name;
}

export async function startEngine(name: EngineName): Promise<void> {
  if (name === 'cpu') {
    await setBackend('cpu');
    await ready();
  } else if (name === 'webgpu') {
    await initWebgpu();
  } else {
    await initWasm({ threads: name === 'wasm' ? 1 : 2 });
  }
}

export function eachEngine(suite: (engine: EngineName) => void): void {
  const name = chosen as EngineName;
  describe(`on ${name} in Chromium`, () => {
    beforeAll(() => startEngine(name));
    suite(name);
  });
}

export function engineMissing(name: string): string | undefined {
  return NAMES.includes(name as EngineName) ? undefined : `a page has no ${name}`;
}

/** The place of an engine among those of a page. */
export function engineIndex(name: EngineName): number {
  return NAMES.indexOf(name);
}

/** As in Node, where WebGPU runs on a software rasteriser. */
export function repetitions(engine: string, count: number): number {
  return engine === 'webgpu' ? Math.ceil(count / 20) : count;
}

export function subnormalsAreZero(engine: string): boolean {
  return engine === 'webgpu';
}
