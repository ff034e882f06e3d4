import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { type Engine, engineOf } from '../engine.ts';

/** The code of the highest score for each token, without a matrix of scores. */
export const nearestCode: KernelFunc = ({ inputs, backend }) => {
  const engine = engineOf(backend);
  const { x, keys, bias } = inputs as { x: TensorInfo; keys: TensorInfo; bias: TensorInfo };
  const [tokens, dim] = x.shape as [number, number];
  const [codes] = keys.shape as [number];
  const panels = Math.ceil(codes / 8);
  const indices = engine.output([tokens], 'int32');
  engine.scratch(panels * (dim + 1) * 32, (packed) => {
    engine.run('packCodes', panels, engine.address(keys), engine.address(bias), packed, codes, dim);
    const from = engine.address(x);
    const to = engine.address(indices);
    const search = [tokens, dim, panels] as const;
    if (screeningPays(tokens, codes, dim)) {
      screenCodes(engine, packed, dim, panels, (rounded, measures, frames) => {
        const places = [from, packed, rounded, measures, frames, to];
        engine.run('nearestCodeScreened', Math.ceil(tokens / 4), ...places, ...search);
      });
    } else {
      engine.run('nearestCode', Math.ceil(tokens / 4), from, packed, to, ...search);
    }
  });
  return [indices];
};

/**
 * Whether nearestCodeScreened is faster than nearestCode, whose indices it gives: it rounds all codes first, and does more for each token
 * besides. Measured by bench/nearest.mjs; 4096 features are what its proof holds for.
 */
function screeningPays(tokens: number, codes: number, dim: number): boolean {
  return tokens >= 64 && codes * dim >= 8192 && dim >= 2 && dim <= 4096;
}

/** Lends the rounded codes, their measures, and a frame for each thread to `use`. */
function screenCodes(
  engine: Engine,
  packed: number,
  dim: number,
  panels: number,
  use: (rounded: number, measures: number, frames: number) => void,
): void {
  const roundedBytes = panels * (Math.ceil(dim / 2) + 1) * 32;
  const frameBytes = engine.call('screenedFrameBytes', dim);
  const measuresBytes = 32;
  engine.scratch(measuresBytes + roundedBytes + engine.threads * frameBytes, (measures) => {
    const rounded = measures + measuresBytes;
    engine.call('measureCodes', packed, measures, dim, panels);
    engine.run('roundCodes', panels, packed, rounded, measures, dim);
    use(rounded, measures, rounded + roundedBytes);
  });
}
