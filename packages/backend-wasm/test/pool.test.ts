import { matMul, randomNormal, removeBackend, sum, type Tensor } from '@tensorflow/tfjs-core';
import { expectIdentical } from '@vqkit/testing';
import { expect, it, vi } from 'vitest';
import { init } from '../src/index.ts';

vi.mock('node:worker_threads', async (load) => {
  const { EventEmitter } = await import('node:events');
  /** A thread that starts, and then never comes to any work. */
  class LateWorker extends EventEmitter {
    constructor() {
      super();
      queueMicrotask(() => this.emit('message', 'ready'));
    }
    unref(): void {}
    terminate(): void {}
  }
  return { ...(await load<object>()), Worker: LateWorker };
});

it('a pool does the work of threads that are late', async () => {
  const results: ArrayLike<number>[][] = [];
  for (const threads of [1, 3]) {
    expect(await init({ threads })).toMatchObject({ threads });
    const x = randomNormal([700, 60], 0, 1, 'float32', 1);
    const outputs: Tensor[] = [matMul(x, x, false, true), sum(x, 0)];
    results.push(await Promise.all(outputs.map((output) => output.data())));
    removeBackend('wasm');
  }
  const [alone, late] = results;
  for (const [i, expected] of (alone ?? []).entries()) await expectIdentical(late?.[i] ?? [], expected);
});
