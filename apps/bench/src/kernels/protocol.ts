import { readFileSync } from 'node:fs';
import type { TokenSteps } from './floors.ts';
import type { Work } from './work.ts';

/** What the parent asks a contender's process. */
export type Request =
  | { readonly do: 'prepare'; readonly work: Work; readonly threads: number }
  | { readonly do: 'measure'; readonly count: number }
  | { readonly do: 'indices'; readonly path: string }
  | { readonly do: 'limits' }
  | { readonly do: 'floor'; readonly steps: TokenSteps; readonly n: number }
  | { readonly do: 'memory' };

/** A work that is ready to be done. */
export interface Prepared {
  /** Milliseconds of each of `count` runs. */
  measure(count: number): Promise<number[]>;
  /** The ids of the input, where the work gives ids. */
  indices?(): Promise<Int32Array>;
  /** What the table should say about it. */
  readonly note?: string;
  /** Why its times are not to be claimed, if so: then it is not timed, and only its ids are compared. */
  readonly untimed?: string;
}

/** Times each call by itself; a call that gives a promise is waited for. */
export function loopOf(run: () => unknown): (count: number) => Promise<number[]> {
  return async (count) => {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      const result = run();
      if (result instanceof Promise) await result;
      times.push(performance.now() - start);
    }
    return times;
  };
}

/** Reads float32 values from a file that the parent wrote. */
export function readFloats(path: string | undefined): Float32Array {
  if (path === undefined) throw new Error('the work names no file of its input');
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
}
