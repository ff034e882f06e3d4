/** Signals such as Ctrl-C arrive between two turns of the event loop, and an engine that never waits would never end one. */
export function letSignalsIn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
