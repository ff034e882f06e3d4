import { z } from 'zod';

/** The network of preset `photos`, of any widths, and the pictures that it is trained on. */
export interface PhotosSetup {
  readonly widths: readonly number[];
  readonly blocks: number;
  /** Of the norms. */
  readonly groups: number;
  readonly levels: readonly number[];
  /** Pixels of a side. */
  readonly size: number;
  readonly batchSize: number;
  readonly threads: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly seed: number;
}

/** Where a training leaves what its twin starts from: safetensors, and float32 [steps, batchSize, size, size, 3] and [n, size, size, 3]. */
export interface PhotosFiles {
  readonly weights: string;
  readonly batches: string;
  readonly test: string;
}

/** What a process is asked. */
export type PhotosTask =
  | (PhotosSetup & { readonly do: 'time'; readonly engine: 'wasm' | 'native' })
  | (PhotosSetup & PhotosFiles & { readonly do: 'train' })
  | { readonly do: 'convolutions'; readonly shapes: readonly ConvolutionShape[]; readonly batchSize: number };

/** Milliseconds of the steps after the first two, and the peak of the process; or why there are none. */
export type Timed = { readonly timesMs: readonly number[]; readonly peakMiB: number } | { readonly absent: string };

export const timedSchema: z.ZodType<Timed> = z.union([
  z.object({ timesMs: z.array(z.number()), peakMiB: z.number() }),
  z.object({ absent: z.string() }),
]);

/** A training: the whole loss of each step before it, and the L1 on the test pictures, its output clamped to [-1, 1]. */
export interface Trained {
  readonly losses: readonly number[];
  readonly l1: number;
}

export const trainedSchema: z.ZodType<Trained> = z.object({ losses: z.array(z.number()), l1: z.number() });

/** A convolution of the network. */
export interface ConvolutionShape {
  /** Pixels of a side of its input. */
  readonly side: number;
  readonly channels: number;
  readonly outChannels: number;
  readonly kernel: 1 | 3;
  readonly stride: 1 | 2;
  readonly upsample: 1 | 2;
  /** How often the network has it. */
  readonly count: number;
}

/** One thread of the wasm engine on every shape, milliseconds, and the operations a second that its 128-bit vectors can do. */
export interface Convolutions {
  readonly flopsPerSecond: number;
  readonly rows: readonly { readonly forwardMs: number; readonly inputMs: number; readonly filterMs: number }[];
}

export const convolutionsSchema: z.ZodType<Convolutions> = z.object({
  flopsPerSecond: z.number(),
  rows: z.array(z.object({ forwardMs: z.number(), inputMs: z.number(), filterMs: z.number() })),
});
