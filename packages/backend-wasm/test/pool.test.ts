import {
  grad,
  matMul,
  randomNormal,
  removeBackend,
  sum,
  type Tensor,
  type Tensor4D,
  zeros,
} from '@tensorflow/tfjs-core';
import { convSame } from '@vqkit/nn';
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
    const images = randomNormal([5, 17, 9, 128], 0, 1, 'float32', 2) as Tensor4D;
    // How many parts threads make of the work is their number's choice, and no bit's.
    const gradients = [3, 1].map((side) => {
      const filter = randomNormal([side, side, 128, 32], 0, 1, 'float32', 3) as Tensor4D;
      return grad((f) => convSame(images, f as Tensor4D, zeros([32])))(filter);
    });
    const outputs: Tensor[] = [matMul(x, x, false, true), sum(x, 0), ...gradients];
    results.push(await Promise.all(outputs.map((output) => output.data())));
    removeBackend('wasm');
  }
  const [alone, late] = results;
  for (const [i, expected] of (alone ?? []).entries()) await expectIdentical(late?.[i] ?? [], expected);
});
