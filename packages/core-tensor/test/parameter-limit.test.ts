import { memory } from '@tensorflow/tfjs-core';
import { startEngine } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRng, limitParameters, UnsupportedError } from '../src/index.ts';
import { testLinear } from './linear.ts';

beforeAll(() => startEngine('cpu'));

describe('limitParameters', () => {
  const most = 2 ** 20 + 100;
  const draw = (n: number): number => createRng(1).uniformArray(n, 0, 1).length;

  it('lets a model be made up to its limit, and forgets it afterwards', () => {
    expect(limitParameters(100, () => draw(most - 40) + draw(40))).toBe(most);
    expect(() => limitParameters(100, () => draw(most - 40) + draw(41))).toThrow(UnsupportedError);
    expect(() => limitParameters(100, () => draw(1e15))).toThrow('the model must be no larger than its file, got ');
    expect(() => limitParameters(10, () => limitParameters(1e9, () => draw(most)))).toThrow(UnsupportedError);
    expect(draw(2 * most)).toBe(2 * most);
  });

  it('disposes what was made before it throws', () => {
    const before = memory().numTensors;
    const make = (): void => {
      testLinear(8, 8, createRng(1));
      draw(most);
    };
    expect(() => limitParameters(100, make)).toThrow(UnsupportedError);
    expect(memory().numTensors).toBe(before);
  });
});
