import type { PlayFrame, PlayQuantizer, PlaySettings } from './play/settings.ts';

/** The engines that a page may run on. */
export const ENGINES = { wasm: 'WebAssembly', webgpu: 'WebGPU' } as const;

export type EngineName = keyof typeof ENGINES;

/** What a tokenizer is. */
export interface TokenizerFacts {
  readonly kind: 'images' | 'audio' | 'vectors';
  readonly quantizer: string;
  readonly codebookSize: number;
  readonly numCodebooks: number;
  readonly bitsPerToken: number;
  /** Pixels along each side, or samples, for which there is one token; 1 of vectors. */
  readonly multiple: number;
  /** Channels of a picture or a sound, numbers of a vector. */
  readonly channels: number;
  /** Of sound, samples per second. */
  readonly sampleRate?: number;
}

/** A picture's ids. */
export interface PictureIds {
  readonly ids: Int32Array;
  readonly rows: number;
  readonly columns: number;
}

/** What the page asks of the worker, which alone has an engine. Every call gives a promise. */
export interface Calls {
  /** Starts an engine, or gives the one that runs, in words. */
  start(engine: EngineName): string;
  /** Opens a tokenizer in place of the one before. */
  open(file: ArrayBuffer, name: string): TokenizerFacts;
  encodePicture(rgba: Uint8ClampedArray, size: number): PictureIds;
  /** RGBA. */
  decodePicture(ids: PictureIds): Uint8ClampedArray<ArrayBuffer>;
  /** The first seconds of a WAV as the tokenizer takes it, [samples, channels], as `vqkit encode` reads it; undefined for another format. */
  readWav(name: string, bytes: ArrayBuffer, seconds: number): Float32Array | undefined;
  /** Any sound as the tokenizer takes it. */
  fitSound(sound: { readonly sampleRate: number; readonly channels: readonly Float32Array[] }): Float32Array;
  /** The last token is filled up with silence. */
  encodeSound(samples: Float32Array): Int32Array;
  decodeSound(ids: Int32Array): Float32Array;
  /** Rows of a .npy, .json or text file, one after the other. */
  readVectors(name: string, bytes: Uint8Array): Float32Array;
  encodeVectors(values: Float32Array): Int32Array;
  decodeVectors(ids: Int32Array): Float32Array;
  /** Those that Play can draw. */
  quantizers(): PlayQuantizer[];
  /** Begins to train anew. */
  play(settings: PlaySettings): void;
  /** Trains for so long, one step at least, at most `steps`, and gives what is to be seen. */
  frame(milliseconds: number, steps: number): PlayFrame;
}

export interface Asked {
  readonly id: number;
  readonly call: keyof Calls;
  readonly args: readonly unknown[];
}

export type Answered = { readonly id: number } & ({ readonly result: unknown } | { readonly error: string });

/** The calls as the worker has them. */
export type Answers<Name extends keyof Calls> = {
  readonly [Each in Name]: (...args: Parameters<Calls[Each]>) => Promise<ReturnType<Calls[Each]>>;
};
