import { type Tensor, util } from '@tensorflow/tfjs-core';
import { DtypeError, requireInteger, requireOption, requireTensor, ShapeError } from '@vqkit/core-tensor';

/** Throws unless images are float32 [batch, height, width, channels], height and width multiples of `multiple`. */
export function requireImages(where: string, images: Tensor, channels: number, multiple: number): void {
  requireTensor(where, 'images', images);
  const wanted = `float32 [batch, height, width, ${channels}]`;
  if (images.dtype !== 'float32') {
    throw new DtypeError(
      where,
      'images',
      `be ${wanted}`,
      images.dtype,
      'Scale pixels to [-1, 1] with imagesFromPixels.',
    );
  }
  const [, height = 0, width = 0] = images.shape;
  if (images.rank !== 4 || images.shape[3] !== channels) {
    throw new ShapeError(where, 'images', `be ${wanted}`, images.shape, 'Add a batch axis, or convert the channels.');
  }
  if (height < 1 || width < 1 || height % multiple !== 0 || width % multiple !== 0) {
    throw new ShapeError(
      where,
      'images',
      `have a height and a width that are multiples of ${multiple}`,
      images.shape,
      `Crop or resize them, for example to ${nearby(height, multiple)} × ${nearby(width, multiple)}.`,
    );
  }
}

/** Throws unless ids are int32 [batch, rows, columns], with `idAxes` after it. */
export function requireIds(where: string, ids: Tensor, idAxes: readonly number[]): void {
  requireTensor(where, 'ids', ids);
  if (ids.dtype !== 'int32') {
    throw new DtypeError(where, 'ids', 'be int32', ids.dtype, "Cast them with tf.cast(ids, 'int32').");
  }
  const [, rows = 0, columns = 0] = ids.shape;
  if (ids.rank === 3 + idAxes.length && rows > 0 && columns > 0 && util.arraysEqual(ids.shape.slice(3), [...idAxes]))
    return;
  const wanted = ['batch', 'rows', 'columns', ...idAxes].join(', ');
  throw new ShapeError(where, 'ids', `be int32 [${wanted}]`, ids.shape, 'Reshape them to what encode() returned.');
}

/** Throws unless vectors are float32 [batch, features]. */
export function requireVectors(where: string, vectors: Tensor, features: number): void {
  requireTensor(where, 'vectors', vectors);
  const wanted = `float32 [batch, ${features}]`;
  if (vectors.dtype !== 'float32') {
    throw new DtypeError(
      where,
      'vectors',
      `be ${wanted}`,
      vectors.dtype,
      "Cast them with tf.cast(vectors, 'float32').",
    );
  }
  if (vectors.rank === 2 && vectors.shape[1] === features) return;
  throw new ShapeError(where, 'vectors', `be ${wanted}`, vectors.shape, 'Pass a row per vector.');
}

/** Throws unless ids are int32 [batch], with `idAxes` after it. */
export function requireVectorIds(where: string, ids: Tensor, idAxes: readonly number[]): void {
  requireTensor(where, 'ids', ids);
  if (ids.dtype !== 'int32') {
    throw new DtypeError(where, 'ids', 'be int32', ids.dtype, "Cast them with tf.cast(ids, 'int32').");
  }
  if (ids.rank === 1 + idAxes.length && util.arraysEqual(ids.shape.slice(1), [...idAxes])) return;
  throw new ShapeError(
    where,
    'ids',
    `be int32 [${['batch', ...idAxes].join(', ')}]`,
    ids.shape,
    'Reshape them to what encode() returned.',
  );
}

/** Throws unless a size is a whole number of tokens. */
export function requireMultiple(where: string, argument: string, size: number, multiple: number): void {
  requireInteger(where, argument, size, 1);
  const fix = `Use for example ${nearby(size, multiple)}.`;
  requireOption(size % multiple === 0, where, argument, `a multiple of ${multiple}`, size, fix);
}

/** The next smaller multiple, or the first. */
function nearby(size: number, multiple: number): number {
  return Math.max(multiple, size - (size % multiple));
}
