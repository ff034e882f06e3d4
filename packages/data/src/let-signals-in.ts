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
  await nextTurn();
  if (signal?.aborted === true) throw new Interrupted('stopped by its signal');
}

/** Node's `setImmediate`, which waits for nothing; in a page a message does the same, where a timeout would take 4 ms. */
function nextTurn(): Promise<void> {
  const { setImmediate: soon } = globalThis as { setImmediate?: (f: () => void) => void };
  if (soon !== undefined) return new Promise((resolve) => soon(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
