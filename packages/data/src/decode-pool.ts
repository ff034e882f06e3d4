import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { blockOtherLoaders, type DecodedPicture, type Fit, type SkippedImage } from './decode-pictures.ts';
import type { PictureFile } from './picture-file.ts';

/** What pictures are made to. */
export interface PictureFrame {
  readonly size: readonly [height: number, width: number];
  readonly channels: number;
  readonly fit?: Fit | undefined;
}

/** What a thread is sent. */
export interface DecodeRequest extends PictureFrame {
  readonly id: number;
  readonly files: readonly PictureFile[];
}

interface Decoded {
  readonly decoded: readonly DecodedPicture[];
  readonly skipped: readonly SkippedImage[];
}

/** What it sends back. */
export type DecodeResponse = { readonly id: number } & (Decoded | { readonly error: unknown });

/** Decodes pictures in threads of its own, so that an engine that never waits does not keep them waiting. */
export interface DecodePool {
  /** As decodePictures does, in any thread. */
  decode(files: readonly PictureFile[]): Promise<Decoded>;
  /** Ends the threads; what is under way is dropped. */
  close(): void;
}

/** Threads that decode, at most: a picture takes about a millisecond, and an engine wants the cores too. */
const MOST_THREADS = 4;

/** @param threads default one less than there are cores, from 1 to 4. What is decoded does not depend on it. */
export function createDecodePool(
  frame: PictureFrame,
  threads: number = Math.min(MOST_THREADS, Math.max(1, availableParallelism() - 1)),
): DecodePool {
  const program = fileURLToPath(new URL('../dist/decode-worker.js', import.meta.url));
  const waiting = new Map<number, { done: (decoded: Decoded) => void; failed: (error: unknown) => void }>();
  const failAll = (error: unknown): void => {
    for (const { failed } of waiting.values()) failed(error);
    waiting.clear();
  };
  let workers: Worker[] | undefined;
  let next = 0;
  const start = (): Worker[] => {
    blockOtherLoaders();
    return Array.from({ length: threads }, () => {
      const worker = new Worker(program);
      worker.on('message', (response: DecodeResponse) => {
        const asked = waiting.get(response.id);
        waiting.delete(response.id);
        if ('error' in response) asked?.failed(response.error);
        else asked?.done(response);
        // Only work under way keeps the process from its end.
        if (waiting.size === 0) for (const each of workers ?? []) each.unref();
      });
      worker.on('error', failAll);
      return worker;
    });
  };
  return {
    decode: (files) =>
      new Promise((done, failed) => {
        workers ??= start();
        const id = next++;
        waiting.set(id, { done, failed });
        for (const each of workers) each.ref();
        const request: DecodeRequest = { id, files, ...frame };
        workers[id % threads]?.postMessage(request);
      }),
    close() {
      for (const worker of workers ?? []) void worker.terminate();
      waiting.clear();
      workers = undefined;
    },
  };
}
