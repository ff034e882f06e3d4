import { cos, sin, tensor1d } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { engineMissing, startEngine } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';

const missing = engineMissing('webgpu');

describe.skipIf(missing !== undefined)(missing === undefined ? 'sine' : `sine: skipped, ${missing}`, () => {
  beforeAll(() => startEngine('webgpu'));

  it('is within 2e-7 of the exact sine and cosine up to 1,000, and NaN for what has none', async () => {
    const rng = createRng(1);
    const x = Float32Array.from([...rng.uniformArray(500, -4, 4), ...rng.uniformArray(500, -1000, 1000), 0, -0, 1e-20]);
    const [s, c] = await Promise.all([sin(tensor1d(x)).data(), cos(tensor1d(x)).data()]);
    x.forEach((value, i) => {
      expect(Math.abs((s[i] as number) - Math.sin(value)), `sin(${value})`).toBeLessThan(2e-7);
      expect(Math.abs((c[i] as number) - Math.cos(value)), `cos(${value})`).toBeLessThan(2e-7);
    });
    expect((await sin(tensor1d([Number.NaN])).data())[0]).toBeNaN();
  });
});
