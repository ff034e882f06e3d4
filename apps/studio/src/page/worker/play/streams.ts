import type { Rng } from '@vqkit/core-tensor';
import type { STREAMS } from './settings.ts';

/** Makes `count` points of two numbers, about as far as 2 from 0. */
export const streams: Readonly<Record<keyof typeof STREAMS, (rng: Rng, count: number) => Float32Array>> = {
  ring(rng, count) {
    const points = rng.normalArray(2 * count, 0.15);
    for (let i = 0; i < count; i++) {
      const angle = (Math.PI * rng.integer(8)) / 4;
      points[2 * i] = 1.5 * Math.cos(angle) + (points[2 * i] as number);
      points[2 * i + 1] = 1.5 * Math.sin(angle) + (points[2 * i + 1] as number);
    }
    return points;
  },
  square: (rng, count) => rng.uniformArray(2 * count, -1.8, 1.8),
  spiral(rng, count) {
    const points = rng.normalArray(2 * count, 0.06);
    for (let i = 0; i < count; i++) {
      const turn = Math.sqrt(rng.uniform());
      const angle = 4 * Math.PI * turn;
      points[2 * i] = 1.8 * turn * Math.cos(angle) + (points[2 * i] as number);
      points[2 * i + 1] = 1.8 * turn * Math.sin(angle) + (points[2 * i + 1] as number);
    }
    return points;
  },
};
