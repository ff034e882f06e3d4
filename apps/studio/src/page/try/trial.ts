import type { Engine } from '../engine.ts';
import type { TokenizerFacts } from '../worker/calls.ts';

/** A tokenizer in the view, for data of its kind. */
export interface Trial {
  readonly element: HTMLElement;
  /** Tokenizes again, on an engine that has started since. */
  refresh(): void;
  /** Frees what it holds. */
  close?(): void;
}

/** What a trial is given. */
export interface TrialContext {
  readonly facts: TokenizerFacts;
  /** The engine that runs now. */
  engine(): Engine | undefined;
  say(text: string): void;
  fail(error: unknown): void;
}
