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
  requireIdsOf(where, ids, ['rows', 'columns'], idAxes);
}

/** Throws unless sound is float32 [batch, samples, channels], the samples a multiple of `multiple`. */
export function requireSound(where: string, sound: Tensor, channels: number, multiple: number): void {
  requireTensor(where, 'sound', sound);
  const wanted = `float32 [batch, samples, ${channels}]`;
  if (sound.dtype !== 'float32') {
    throw new DtypeError(where, 'sound', `be ${wanted}`, sound.dtype, 'Scale samples to [-1, 1].');
  }
  if (sound.rank !== 3 || sound.shape[2] !== channels) {
    throw new ShapeError(where, 'sound', `be ${wanted}`, sound.shape, 'Add a batch axis, or mix the channels.');
  }
  const [, samples = 0] = sound.shape;
  if (samples < 1 || samples % multiple !== 0) {
    const fix = `Pad it with zeros, for example to ${multiple * Math.max(1, Math.ceil(samples / multiple))}.`;
    throw new ShapeError(where, 'sound', `have samples that are a multiple of ${multiple}`, sound.shape, fix);
  }
}

/** Throws unless ids are int32 [batch, frames], with `idAxes` after it. */
export function requireFrameIds(where: string, ids: Tensor, idAxes: readonly number[]): void {
  requireIdsOf(where, ids, ['frames'], idAxes);
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
  requireIdsOf(where, ids, [], idAxes);
}

/** Throws unless ids are int32 [batch, …places, …idAxes], with a place along each axis. */
function requireIdsOf(where: string, ids: Tensor, places: readonly string[], idAxes: readonly number[]): void {
  requireTensor(where, 'ids', ids);
  if (ids.dtype !== 'int32') {
    throw new DtypeError(where, 'ids', 'be int32', ids.dtype, "Cast them with tf.cast(ids, 'int32').");
  }
  const first = 1 + places.length;
  const isPlaced = ids.shape.slice(1, first).every((length) => length > 0);
  if (ids.rank === first + idAxes.length && isPlaced && util.arraysEqual(ids.shape.slice(first), [...idAxes])) return;
  const wanted = `int32 [${['batch', ...places, ...idAxes].join(', ')}]`;
  throw new ShapeError(where, 'ids', `be ${wanted}`, ids.shape, 'Reshape them to what encode() returned.');
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
