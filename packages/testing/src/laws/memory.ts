import { dispose, memory } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { gradientsOf } from './gradients.ts';
import { latents, type Make, TRAIN } from './subject.ts';

export function describeMemory(make: Make, steps: number): void {
  it(`leaves the memory as it was after ${steps} train steps, encodes, decodes and loads of a state`, async () => {
    const q = make();
    const z = latents(q, [2, 3]);
    const indices = q.encode(z);
    const once = (): void => {
      const gradients = gradientsOf(q, z);
      dispose([gradients.z, ...Object.values(gradients.variables)]);
      const { quantized, indices, loss, losses } = q.quantize(z, TRAIN);
      dispose([quantized, indices, loss, ...Object.values(losses)]);
      q.encode(z).dispose();
    };
    const others = (): void => {
      q.decode(indices).dispose();
      const state = q.stateDict();
      q.loadStateDict(state);
      dispose(state);
    };
    // Caches may fill in the first steps (a transformed codebook); from then on nothing may grow.
    for (let i = 0; i < 3; i++) {
      others();
      once();
    }
    const before = memory();
    for (let i = 0; i < steps; i++) {
      once();
      if (i % 10 === 0) others();
    }
    const after = memory();
    expect(after.numTensors).toBe(before.numTensors);
    expect(after.numDataBuffers).toBe(before.numDataBuffers);
    expect(after.numBytes).toBe(before.numBytes);
    dispose([z, indices]);
    q.dispose();
  });

  it('frees everything it made when it is disposed', () => {
    const before = memory();
    for (let i = 0; i < 3; i++) {
      const q = make();
      const z = latents(q, [2, 3]);
      const { quantized, indices, loss, losses } = q.quantize(z, TRAIN);
      dispose([z, quantized, indices, loss, ...Object.values(losses)]);
      q.dispose();
    }
    const after = memory();
    expect(after.numTensors).toBe(before.numTensors);
    expect(after.numBytes).toBe(before.numBytes);
  });
}
