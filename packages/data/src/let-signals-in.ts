/** Work was stopped by its AbortSignal where nothing of it need be kept. */
export class Interrupted extends Error {
  override name = 'Interrupted';
}

/**
 * Signals such as Ctrl-C arrive between two turns of the event loop, and an engine that never waits would never end one.
 *
 * @throws Interrupted when the signal is aborted.
 */
export async function letSignalsIn(signal?: AbortSignal): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  if (signal?.aborted === true) throw new Interrupted('stopped by its signal');
}
