// What the browser tests bundle and run in a page of Chromium.
import '@tensorflow/tfjs-backend-cpu';
import { getBackend, ready, setBackend, type Tensor, tensor, version_core } from '@tensorflow/tfjs-core';
import { type InitOptions, init as initWasm } from '@vqkit/backend-wasm';
import { init as initWebgpu } from '@vqkit/backend-webgpu';
import { kernelReport } from '@vqkit/core-tensor';
import { type Tokenized, tokenizeSome } from './tokenizing.ts';
import { createByKind, type Run, trainSome } from './training.ts';

/** A tensor as plain data, which is all that passes between a test and the page. */
export interface Plain {
  readonly shape: number[];
  readonly dtype: string;
  readonly data: number[];
}

export interface Case {
  readonly kind: string;
  readonly options: Record<string, unknown>;
  readonly state: Record<string, Plain>;
  readonly x: Plain;
}

export type PageEngine = 'cpu' | 'wasm' | 'webgpu';

/** What the page offers to the tests, as `page`. */
export interface Page {
  start(engine: PageEngine, options?: InitOptions): Promise<Record<string, unknown>>;
  quantize(subject: Case): Promise<{ ids: number[]; encoded: number[]; quantized: number[]; decoded: number[] }>;
  train(kind: string, options: Record<string, unknown>, steps: number): Promise<Run>;
  /** Fetches a tokenizer and runs it as {@link tokenizeSome} does. */
  tokenize(url: string, pixels: readonly number[], ids: readonly number[]): Promise<Tokenized>;
}

const page: Page = {
  async start(engine, options) {
    let report: object = {};
    if (engine === 'cpu') {
      await setBackend('cpu');
      await ready();
    } else if (engine === 'wasm') {
      report = await initWasm(options);
    } else {
      report = await initWebgpu();
    }
    const fused = kernelReport().filter(({ runs }) => runs === 'fused');
    const isolated = globalThis.crossOriginIsolated;
    return { ...report, backend: getBackend(), tfjs: version_core, fused: fused.length, isolated };
  },

  async quantize({ kind, options, state, x }) {
    const q = createByKind(kind, options);
    q.loadStateDict(Object.fromEntries(Object.entries(state).map(([name, values]) => [name, fromPlain(values)])));
    const z = fromPlain(x);
    const { quantized, indices } = q.quantize(z, { training: true });
    const results = [indices, q.encode(z), quantized, q.decode(indices)].map(async (t) => [...(await t.data())]);
    const [ids = [], encoded = [], values = [], decoded = []] = await Promise.all(results);
    q.dispose();
    return { ids, encoded, quantized: values, decoded };
  },

  train: trainSome,

  tokenize: async (url, pixels, ids) => tokenizeSome(await (await fetch(url)).arrayBuffer(), pixels, ids),
};

function fromPlain({ data, shape, dtype }: Plain): Tensor {
  return tensor(data, shape, dtype === 'float32' ? 'float32' : 'int32');
}

Object.assign(globalThis, { page });
