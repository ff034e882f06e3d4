import { createRng, type DataFormat, type Rng, requireBoolean, requireInteger, requireOneOf } from '@vqkit/core-tensor';

/** How the gradient of `quantized` reaches the input; see `createResidual`. */
export type ResidualGradient = 'identity' | 'perLayer';

/** What every residual stack may be told. */
export interface StackOptions {
  /**
   * Gradient of `quantized` to the input: `identity` passes it on unchanged, once; `perLayer` adds up the layers' own, as the reference
   * library does, which for straight-through layers is Q times as much. Default `identity`.
   */
  readonly gradient?: ResidualGradient;
  /** In training a random number of the last layers does not run: index -1, loss 0. Default false. */
  readonly quantizeDropout?: boolean;
  /** Layers up to this one, counted from 0, always run; at most Q - 1. Default 0. */
  readonly quantizeDropoutCutoffIndex?: number;
  /** The number of layers that run is rounded up to a multiple of this; at most Q. Default 1. */
  readonly quantizeDropoutMultipleOf?: number;
  /** Default `channelsLast`. The layers' own does not matter. */
  readonly dataFormat?: DataFormat;
  /** Seed of quantize dropout, and of everything that is made for the stack. Default 0. */
  readonly seed?: number;
}

export const STACK_OPTIONS = [
  'gradient',
  'quantizeDropout',
  'quantizeDropoutCutoffIndex',
  'quantizeDropoutMultipleOf',
  'dataFormat',
  'seed',
] as const;

/** @param count number of layers Q. */
export function resolveStack(where: string, options: StackOptions, count: number): Required<StackOptions> {
  const { gradient = 'identity', quantizeDropout = false, dataFormat = 'channelsLast', seed = 0 } = options;
  const { quantizeDropoutCutoffIndex = 0, quantizeDropoutMultipleOf = 1 } = options;
  requireOneOf(where, 'gradient', gradient, ['identity', 'perLayer']);
  requireBoolean(where, 'quantizeDropout', quantizeDropout);
  requireInteger(where, 'quantizeDropoutCutoffIndex', quantizeDropoutCutoffIndex, 0, count - 1);
  requireInteger(where, 'quantizeDropoutMultipleOf', quantizeDropoutMultipleOf, 1, count);
  requireOneOf(where, 'dataFormat', dataFormat, ['channelsLast', 'channelsFirst']);
  requireInteger(where, 'seed', seed, 0, 2 ** 32 - 1);
  return { gradient, quantizeDropout, quantizeDropoutCutoffIndex, quantizeDropoutMultipleOf, dataFormat, seed };
}

/** How many layers run in one training call: uniform over the allowed ones, then rounded up to the multiple. */
export function drawLayers(stack: Required<StackOptions>, count: number, rng: Rng): number {
  const { quantizeDropoutCutoffIndex: cutoff, quantizeDropoutMultipleOf: multiple } = stack;
  const last = cutoff + rng.integer(count - cutoff);
  return Math.min(count, Math.ceil((last + 1) / multiple) * multiple);
}

/** Seed of layer j of a stack that makes its layers itself. */
export function layerSeed(seed: number, j: number): number {
  return createRng(seed).fork(`layer${j}`).uint32();
}

/** Those of the keys that `options` has. */
export function pick<T extends object, Key extends keyof T>(options: T, keys: readonly Key[]): Pick<T, Key> {
  const own = keys.filter((key) => options[key] !== undefined).map((key) => [key, options[key]]);
  return Object.fromEntries(own) as Pick<T, Key>;
}
