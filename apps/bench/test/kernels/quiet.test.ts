import { cpus } from 'node:os';
import { expect, it, vi } from 'vitest';
import { waitForQuiet } from '../../src/kernels/quiet.ts';

vi.mock('node:os', () => ({ cpus: vi.fn() }));

/** Two cores, one of which works until a moment. */
function busyUntil(end: number): void {
  const start = performance.now();
  vi.mocked(cpus).mockImplementation(() => {
    const user = Math.min(performance.now(), end) - start;
    const idle = { model: '', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } };
    return [{ ...idle, times: { ...idle.times, user } }, idle];
  });
}

it('waits until nothing runs any more', async () => {
  const start = performance.now();
  busyUntil(start + 100);
  const { waitedMs, quiet } = await waitForQuiet(10_000);
  expect(quiet).toBe(true);
  expect(waitedMs).toBeGreaterThan(100);
});

it('gives up when its patience is at an end', async () => {
  busyUntil(Number.POSITIVE_INFINITY);
  expect(await waitForQuiet(100)).toMatchObject({ quiet: false });
});
