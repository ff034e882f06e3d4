import { type CpuInfo, cpus } from 'node:os';

/** So long the machine must have been quiet. Its clock of processor time ticks every 10 ms. */
const WINDOW_MS = 40;
const TICK_MS = 10;
/** Share of all cores that may be at work on something else. */
const SHARE = 0.1;

/** Milliseconds that all cores together have been at work since the machine started. */
export function busyMs(readCores: () => Pick<CpuInfo, 'times'>[] = cpus): number {
  return readCores().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
}

/**
 * Waits until nothing else runs on this machine, other processes or threads that still spin after a parallel section of theirs.
 *
 * @param readCores what each core has done since the machine started.
 * @returns how long that took, and whether it was quiet before the patience was at an end.
 */
export async function waitForQuiet(
  patienceMs: number,
  readCores: () => Pick<CpuInfo, 'times'>[] = cpus,
): Promise<{ waitedMs: number; quiet: boolean }> {
  const start = performance.now();
  for (;;) {
    const [from, before] = [performance.now(), busyMs(readCores)];
    await new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
    const now = performance.now();
    const quiet = busyMs(readCores) - before <= Math.max(TICK_MS, SHARE * readCores().length * (now - from));
    if (quiet || now - start >= patienceMs) return { waitedMs: now - start, quiet };
  }
}
