import type { Tensor } from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

type Values = Tensor | ArrayLike<number>;

async function numbers(values: Values): Promise<ArrayLike<number>> {
  return 'dataId' in values ? await (values as Tensor).data() : (values as ArrayLike<number>);
}

/**
 * Every element within `tolerance` times the largest expected magnitude (at least 1e-30), plus `noise`, the rounding error of the
 * expected values themselves where their terms cancel. NaN and infinity must match exactly.
 */
export async function expectClose(actual: Values, expected: Values, tolerance: number, noise = 0): Promise<void> {
  const [a, e] = await Promise.all([numbers(actual), numbers(expected)]);
  expect(a.length, 'number of elements').toBe(e.length);
  let scale = 1e-30;
  for (let i = 0; i < e.length; i++) if (Number.isFinite(e[i])) scale = Math.max(scale, Math.abs(e[i] as number));
  for (let i = 0; i < e.length; i++) {
    const [x, y] = [a[i] as number, e[i] as number];
    if (Object.is(x, y) || Math.abs(x - y) <= tolerance * scale + noise) continue;
    expect.fail(`element ${i}: got ${x}, expected ${y}, allowed difference ${tolerance} × ${scale} + ${noise}`);
  }
}

/** Every element has the same value, bit for bit (NaN equals NaN; 0 equals -0). */
export async function expectSame(actual: Values, expected: Values): Promise<void> {
  const [a, e] = await Promise.all([numbers(actual), numbers(expected)]);
  expect(a.length, 'number of elements').toBe(e.length);
  for (let i = 0; i < e.length; i++) {
    if (a[i] === e[i] || (Number.isNaN(a[i]) && Number.isNaN(e[i]))) continue;
    expect.fail(`element ${i}: got ${a[i]}, expected ${e[i]}`);
  }
}

/** Every element has the same bits (0 differs from -0; every NaN equals every NaN). */
export async function expectIdentical(actual: Values, expected: Values): Promise<void> {
  const [a, e] = await Promise.all([numbers(actual), numbers(expected)]);
  expect(a.length, 'number of elements').toBe(e.length);
  for (let i = 0; i < e.length; i++) {
    if (!Object.is(a[i], e[i])) expect.fail(`element ${i}: got ${show(a[i])}, expected ${show(e[i])}`);
  }
}

function show(value: number | undefined): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
