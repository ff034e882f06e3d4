import type { Answered, Calls, EngineName } from './worker/calls.ts';

/** A worker with a running engine. */
export interface Engine {
  /** What runs, in words. */
  readonly words: string;
  /** @throws Error with what the worker says, or that it has ended. */
  call<Name extends keyof Calls>(name: Name, ...args: Parameters<Calls[Name]>): Promise<ReturnType<Calls[Name]>>;
  /** Ends the worker and frees all it has. Calls that wait are refused. */
  end(): void;
}

interface Waiting {
  resolve(value: never): void;
  reject(error: Error): void;
}

/** Starts a worker and an engine in it. */
export async function startEngine(name: EngineName): Promise<Engine> {
  const worker = new Worker('engine.js', { type: 'module' });
  const waiting = new Map<number, Waiting>();
  let asked = 0;

  const refuse = (message: string): void => {
    for (const { reject } of waiting.values()) reject(new Error(message));
    waiting.clear();
  };
  worker.addEventListener('message', ({ data }: MessageEvent<Answered>) => {
    const call = waiting.get(data.id);
    waiting.delete(data.id);
    if ('error' in data) call?.reject(new Error(data.error));
    else call?.resolve(data.result as never);
  });
  worker.addEventListener('error', (event) => {
    event.preventDefault();
    refuse(`The engine's worker failed: ${event.message || 'its program could not be loaded'}. Load the page again.`);
  });

  const engine: Omit<Engine, 'words'> = {
    call: (call, ...args) =>
      new Promise((resolve, reject) => {
        const id = asked++;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ id, call, args });
      }),
    end() {
      worker.terminate();
      refuse('The engine was stopped.');
    },
  };
  try {
    return { ...engine, words: await engine.call('start', name) };
  } catch (error) {
    engine.end();
    throw error;
  }
}
