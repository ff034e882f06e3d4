// The program of the worker: engines and tokenizers live here, so that the page stays free while they compute.
import { messageOf } from '../message.ts';
import type { Answered, Asked, EngineName } from './calls.ts';
import { startEngine } from './start-engine.ts';
import { createTokenizers } from './tokenizers.ts';

const calls: Readonly<Record<string, (...args: never[]) => Promise<unknown>>> = {
  start: (engine: EngineName) => startEngine(engine),
  ...createTokenizers(),
};

let queue: Promise<unknown> = Promise.resolve();

// One after the other: a tokenizer is not replaced while it computes.
addEventListener('message', ({ data }: MessageEvent<Asked>) => {
  queue = queue.then(() => answer(data));
});

async function answer({ id, call, args }: Asked): Promise<void> {
  const reply = (answered: Answered): void => postMessage(answered);
  try {
    reply({ id, result: await calls[call]?.(...(args as never[])) });
  } catch (error) {
    reply({ id, error: messageOf(error) });
  }
}
