import type { CpuInfo } from 'node:os';
import { expect, it } from 'vitest';
import { waitForQuiet } from '../../src/kernels/quiet.ts';

/** Two cores, one of which works until a moment. */
function busyUntil(end: number): () => Pick<CpuInfo, 'times'>[] {
  const start = performance.now();
  return () => {
    const idle = { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 };
    return [{ times: { ...idle, user: Math.min(performance.now(), end) - start } }, { times: idle }];
  };
}

it('waits until nothing runs any more', async () => {
  const { waitedMs, quiet } = await waitForQuiet(10_000, busyUntil(performance.now() + 100));
  expect(quiet).toBe(true);
  expect(waitedMs).toBeGreaterThan(100);
});

it('gives up when its patience is at an end', async () => {
  expect(await waitForQuiet(100, busyUntil(Number.POSITIVE_INFINITY))).toMatchObject({ quiet: false });
});
