import { type Tensor, tensor } from '@tensorflow/tfjs-core';

/** A tensor whose values follow from their places, as a golden's inputs are made in Python too. */
export function filled(shape: readonly number[], value: (i: number) => number, dtype?: 'int32'): Tensor {
  const length = shape.reduce((product, size) => product * size, 1);
  const values = Array.from({ length }, (_, i) => value(i));
  return tensor(values, [...shape], dtype);
}
