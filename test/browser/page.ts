// What the browser tests bundle and run in a page of Chromium.
import '@tensorflow/tfjs-backend-cpu';
import {
  add,
  getBackend,
  mul,
  ready,
  type Scalar,
  setBackend,
  squaredDifference,
  sum,
  type Tensor,
  tensor,
  train,
  variable,
  version_core,
} from '@tensorflow/tfjs-core';
import { init as initWasm } from '@vqkit/backend-wasm';
import { init as initWebgpu } from '@vqkit/backend-webgpu';
import { createRng, kernelReport, type Quantizer } from '@vqkit/core-tensor';
import { createFsq, type FsqOptions } from '@vqkit/fsq';
import { createLfq, type LfqOptions } from '@vqkit/lfq';
import { createSimVq, type SimVqOptions } from '@vqkit/simvq';

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
  start(engine: PageEngine, threads?: number): Promise<Record<string, unknown>>;
  quantize(subject: Case): Promise<{ ids: number[]; encoded: number[]; quantized: number[]; decoded: number[] }>;
  losses(kind: string, options: Record<string, unknown>, steps: number): Promise<number[]>;
}

const page: Page = {
  async start(engine, threads) {
    let report: object = {};
    if (engine === 'cpu') {
      await setBackend('cpu');
      await ready();
    } else if (engine === 'wasm') {
      report = await initWasm({ wasmPaths: '/wasm/', ...(threads === undefined ? {} : { threads }) });
    } else {
      report = await initWebgpu();
    }
    const fused = kernelReport().filter(({ runs }) => runs === 'fused');
    const isolated = globalThis.crossOriginIsolated;
    return { ...report, backend: getBackend(), tfjs: version_core, fused: fused.length, isolated };
  },

  async quantize({ kind, options, state, x }) {
    const q = create(kind, options);
    q.loadStateDict(Object.fromEntries(Object.entries(state).map(([name, values]) => [name, fromPlain(values)])));
    const z = fromPlain(x);
    const { quantized, indices } = q.quantize(z, { training: true });
    const results = [indices, q.encode(z), quantized, q.decode(indices)].map(async (t) => [...(await t.data())]);
    const [ids = [], encoded = [], values = [], decoded = []] = await Promise.all(results);
    q.dispose();
    return { ids, encoded, quantized: values, decoded };
  },

  /** Trains a scale and a shift so that a quantizer's output meets a target; the losses of all steps. */
  async losses(kind, options, steps) {
    const q = create(kind, options);
    const rng = createRng(1);
    const x = tensor(rng.normalArray(32 * q.dim, 1), [32, q.dim]);
    const target = tensor(rng.normalArray(32 * q.dim, 0.5), [32, q.dim]);
    const scale = variable(tensor(new Float32Array(q.dim).fill(0.5)));
    const optimizer = train.adam(0.05);
    const seen: number[] = [];
    for (let step = 0; step < steps; step++) {
      const loss = optimizer.minimize(
        () => {
          const { quantized, loss: own } = q.quantize(mul(x, scale), { training: true });
          return add(sum(squaredDifference(quantized, target)), own) as Scalar;
        },
        true,
        [scale, ...(Object.values(q.variables()) as (typeof scale)[])],
      ) as Scalar;
      seen.push(...(await loss.data()));
      loss.dispose();
    }
    q.dispose();
    return seen;
  },
};

function create(kind: string, options: Record<string, unknown>): Quantizer {
  if (kind === 'FSQ') return createFsq(options as unknown as FsqOptions);
  if (kind === 'LFQ') return createLfq(options as unknown as LfqOptions);
  return createSimVq(options as unknown as SimVqOptions);
}

function fromPlain({ data, shape, dtype }: Plain): Tensor {
  return tensor(data, shape, dtype === 'float32' ? 'float32' : 'int32');
}

Object.assign(globalThis, { page });
