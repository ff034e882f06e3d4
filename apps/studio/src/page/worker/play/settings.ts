/** The streams of points that Play trains on. */
export const STREAMS = { ring: 'ring of 8', square: 'even square', spiral: 'spiral' } as const;
/** What is done to latents before they are quantized. */
export const NORMS = { none: 'none', unit: 'unit length' } as const;

export type OptionValue = number | boolean | readonly number[];

/** One option of a quantizer that the page offers. */
export interface PlayControl {
  /** Its name at the quantizer's constructor. */
  readonly option: string;
  readonly title: string;
  readonly value: OptionValue;
  readonly min: number;
  readonly max: number;
  readonly isInteger: boolean;
}

/** A quantizer that works in two dimensions, and what the page offers of it. */
export interface PlayQuantizer {
  readonly name: string;
  readonly title: string;
  readonly controls: readonly PlayControl[];
}

/** What is trained. */
export interface PlaySettings {
  readonly quantizer: string;
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly stream: keyof typeof STREAMS;
  readonly norm: keyof typeof NORMS;
  readonly learningRate: number;
  readonly seed: number;
}

/** Points along each side of the grid whose cells are drawn. */
export const GRID = 96;
/** Bins of 10° of the angle between a latent and its code. */
export const ANGLE_BINS = 18;

/** What is seen after some steps. Pairs are x, y one after the other. */
export interface PlayFrame {
  readonly step: number;
  /** Half the side of the square that is drawn, around 0. */
  readonly extent: number;
  /** Id of the code of each point of the grid, rows from the top. */
  readonly cells: Int32Array;
  readonly codes: Float32Array;
  readonly latents: Float32Array;
  readonly ids: Int32Array;
  /** Of the whole loss, to each latent. */
  readonly gradients: Float32Array;
  readonly angles: readonly number[];
  /** By name: losses, and statistics of the last steps. */
  readonly numbers: Readonly<Record<string, number>>;
  readonly findings: readonly { readonly problem: string; readonly evidence: string; readonly remedy: string }[];
}
