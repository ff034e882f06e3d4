import type { Tensor } from '@tensorflow/tfjs-core';

/** A tensor of a state dict, read: in PyTorch's layout. */
export interface Weight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** The floats of a state dict by name; what else it holds, such as flags, is left out. */
export type Weights = ReadonlyMap<string, Weight>;

/** Reads a state dict and frees it. */
export async function readState(state: Readonly<Record<string, Tensor>>): Promise<Weights> {
  const entries = Object.entries(state);
  try {
    const floats = entries.filter(([, { dtype }]) => dtype === 'float32');
    const read = floats.map(async ([name, tensor]): Promise<[string, Weight]> => {
      return [name, { shape: tensor.shape, values: (await tensor.data()) as Float32Array }];
    });
    return new Map(await Promise.all(read));
  } finally {
    for (const [, tensor] of entries) tensor.dispose();
  }
}
