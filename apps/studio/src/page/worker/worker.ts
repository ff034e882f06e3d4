// The program of the worker: engines and tokenizers live here, so that the page stays free while they compute.
import { messageOf } from '../message.ts';
import type { Answered, Answers, Asked, Calls } from './calls.ts';
import { createPlay } from './play/play.ts';
import { startEngine } from './start-engine.ts';
import { createTokenizers } from './tokenizers.ts';

const calls: Answers<keyof Calls> = {
  start: startEngine,
  ...createPlay(),
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
    const answer = calls[call] as (...given: readonly unknown[]) => Promise<unknown>;
    reply({ id, result: await answer(...args) });
  } catch (error) {
    reply({ id, error: messageOf(error) });
  }
}
