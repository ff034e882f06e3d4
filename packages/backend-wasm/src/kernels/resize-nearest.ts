import type { KernelFunc, ResizeNearestNeighborAttrs, TensorInfo } from '@tensorflow/tfjs-core';
import { type Engine, engineOf } from '../engine.ts';

/** out[n, y, x] = images[n, rows[y], columns[x]]: every output pixel copies the nearest input pixel. */
export const resizeNearestNeighbor: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { images } = inputs as { images: TensorInfo };
  const { size } = attrs as unknown as ResizeNearestNeighborAttrs;
  const [batch = 0, , , channels = 0] = images.shape;
  const out = engine.output([batch, ...size, channels], images.dtype);
  withTables(engine, images.shape, attrs as unknown as ResizeNearestNeighborAttrs, (...tables) =>
    engine.run('resizeNearestImages', batch, engine.address(images), engine.address(out), ...tables),
  );
  return out;
};

/** dx[n, rows[y], columns[x]] = Σ dy[n, y, x]: the exact adjoint of the forward map, for every image of the batch. */
export const resizeNearestNeighborGrad: KernelFunc = ({ inputs, backend, attrs }) => {
  const engine = engineOf(backend);
  const { images, dy } = inputs as { images: TensorInfo; dy: TensorInfo };
  const [batch = 0, height = 0, width = 0] = dy.shape;
  const dx = engine.output(images.shape, 'float32');
  const size: [number, number] = [height, width];
  withTables(engine, images.shape, { ...(attrs as unknown as ResizeNearestNeighborAttrs), size }, (...tables) =>
    engine.run('resizeNearestGradImages', batch, engine.address(dy), engine.address(dx), ...tables),
  );
  return dx;
};

function withTables(
  engine: Engine,
  [, height = 0, width = 0, channels = 0]: readonly number[],
  { size: [outHeight, outWidth], alignCorners, halfPixelCenters }: ResizeNearestNeighborAttrs,
  use: (...tables: number[]) => void,
): void {
  engine.scratch(4 * (outHeight + outWidth), (rows) => {
    const table = engine.integers(rows, outHeight + outWidth);
    for (let y = 0; y < outHeight; y++) table[y] = nearest(y, height, outHeight, alignCorners, halfPixelCenters);
    for (let x = 0; x < outWidth; x++) {
      table[outHeight + x] = nearest(x, width, outWidth, alignCorners, halfPixelCenters);
    }
    use(rows, rows + 4 * outHeight, height, width, channels, outHeight, outWidth);
  });
}

/** The input position that output position i copies, as TensorFlow defines it. */
function nearest(i: number, size: number, outSize: number, alignCorners: boolean, halfPixelCenters: boolean): number {
  const corners = alignCorners && outSize > 1;
  const ratio = corners ? (size - 1) / (outSize - 1) : size / outSize;
  const position = ratio * (halfPixelCenters ? i + 0.5 : i);
  return Math.min(size - 1, alignCorners ? Math.round(position) : Math.floor(position));
}
