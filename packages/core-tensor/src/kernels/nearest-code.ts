import {
  abs,
  add,
  cast,
  concat,
  expandDims,
  fill,
  gather,
  greater,
  less,
  logicalAnd,
  max,
  maximum,
  min,
  mul,
  ones,
  range,
  reshape,
  where as select,
  slice,
  step,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
  transpose,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { defineKernel, type Kernel, provideKernel } from '../kernel.ts';
import { matMul } from './mat-mul.ts';
import { nearestCodePlain } from './nearest-plain.ts';

/** What a nearest-code search compares. */
export type NearestCodeInputs = {
  /** [N, f] float32. */
  readonly x: Tensor2D;
  /** [K, f] float32, 1 <= K <= 2^24. */
  readonly keys: Tensor2D;
  /** [K] float32: -|c|²/2 makes the highest score the smallest Euclidean distance. */
  readonly bias: Tensor1D;
};

/** Scores of one tile: 8 MB, so that it stays in a processor's cache; no larger buffer is made for any N and K. */
const TILE_SCORES = 2 ** 21;
const TILE_CODES = 2 ** 13;
/** Codes whose maximum is taken together before the search looks inside the winning block; one block for few codes. */
const BLOCK_CODES = 64;
const ONE_BLOCK = 1024;
/** Above every magnitude that can be searched: products of two smaller numbers, summed over 2^14 features, stay in float32. */
const LIMIT = 2 ** 56;
/** Below every score of a usable code. */
const LOWEST = -(2 ** 127);

export const NearestCode: Kernel<NearestCodeInputs, object, readonly [indices: Tensor1D]> = defineKernel({
  name: 'NearestCode',
  reference: ({ x, keys, bias }) => {
    const [n] = x.shape;
    const usable = less(abs(x), LIMIT);
    const queries = withColumn(select(usable, x, zerosLike(x)), ones([n]));
    const usableRow = min(cast(usable, 'int32'), 1) as Tensor1D;
    const tiles = codeTiles(keys, bias);
    const rows = Math.max(1, Math.floor(TILE_SCORES / (tiles[0] as CodeTile).padded));
    const found: Tensor1D[] = [];
    for (let start = 0; start < n; start += rows) {
      const part = slice(queries, [start, 0], [Math.min(rows, n - start), -1]);
      found.push(tidy(() => searchTiles(part, tiles)));
    }
    return [mul(cast(concat(found), 'int32'), usableRow) as Tensor1D];
  },
});
provideKernel('cpu', 'NearestCode', nearestCodePlain);

/**
 * The nearest of K codes for each of N vectors, `argmax_k ⟨x_n, key_k⟩ + bias_k`, in tiles: the N × K matrix never exists.
 *
 * With `bias_k = -|key_k|²/2` this is `argmin_k |x_n - key_k|`. Subtract a common offset from x and keys first: float32 loses
 * small differences of large scores.
 *
 * - Result: int32 [N].
 * - Ties: the lowest index, on every engine.
 * - A row of x with a NaN, an infinity or a magnitude of 2^56 or more gets index 0; such a code is never chosen (if all codes
 *   are such, index 0).
 * - Gradient: none; call it inside {@link withoutGradient} where x comes from a layer that trains.
 */
export function nearestCode(inputs: NearestCodeInputs): Tensor1D {
  return NearestCode(inputs, {})[0];
}

/** A run of codes, transposed once (a matrix product with `transposeB` is many times slower on some engines). */
interface CodeTile {
  /** [f + 1, padded]: the keys with their bias as one more feature, so that one product gives the scores. */
  readonly columns: Tensor2D;
  /** Index of the first code. */
  readonly start: number;
  /** blocks · block codes; those past the last real one score LOWEST. */
  readonly padded: number;
  readonly blocks: number;
  readonly block: number;
}

function codeTiles(keys: Tensor2D, bias: Tensor1D): CodeTile[] {
  const [k] = keys.shape;
  const usable = less(abs(keys), LIMIT);
  const usableCode = logicalAnd(cast(min(cast(usable, 'int32'), 1), 'bool'), less(abs(bias), -LOWEST));
  const usableKeys = mul(select(usable, keys, zerosLike(keys)), expandDims(cast(usableCode, 'float32'), 1)) as Tensor2D;
  const codes = withColumn(usableKeys, select(usableCode, bias, fill([k], LOWEST)));
  const tiles: CodeTile[] = [];
  for (let start = 0; start < k; start += TILE_CODES) {
    const size = Math.min(TILE_CODES, k - start);
    const blocks = size <= ONE_BLOCK ? 1 : Math.ceil(size / BLOCK_CODES);
    const block = Math.ceil(size / blocks);
    const padded = blocks * block;
    const columns = tidy(() => {
      const part = slice(codes, [start, 0], [size, -1]);
      if (padded === size) return transpose(part);
      const features = keys.shape[1];
      const none = withColumn(fill([padded - size, features], 0), fill([padded - size], LOWEST));
      return transpose(concat([part, none], 0));
    });
    tiles.push({ columns, start, padded, blocks, block });
  }
  return tiles;
}

/** Index (float32, exact up to 2^24) of the highest score of each row over all tiles. */
function searchTiles(x: Tensor2D, tiles: readonly CodeTile[]): Tensor1D {
  let [index, best] = tidy(() => searchTile(x, tiles[0] as CodeTile));
  for (const tile of tiles.slice(1)) {
    const [tileIndex, tileBest] = tidy(() => searchTile(x, tile));
    // Strictly: among equal scores the earlier tile has the lower index.
    index = select(greater(tileBest, best), tileIndex, index);
    best = maximum(best, tileBest);
  }
  return index as Tensor1D;
}

function searchTile(x: Tensor2D, tile: CodeTile): [index: Tensor, best: Tensor] {
  const { columns, start, blocks, block } = tile;
  const [n] = x.shape;
  const scores = reshape(matMul(x, columns), [n * blocks, block]);
  const blockBest = reshape(max(scores, 1), [n, blocks]);
  const best = max(blockBest, 1, true);
  const winner = lowestAtMaximum(blockBest, best);
  const rows = add(mul(range(0, n), blocks), winner);
  const inWinner = blocks === 1 ? scores : gather(scores, cast(rows, 'int32'));
  const place = lowestAtMaximum(inWinner, best);
  const index = add(add(mul(winner, block), place), start);
  return [index, reshape(best, [n])];
}

/**
 * Position of the first maximum in each row, [n, m] → [n]. `argMax` gives any of several equal maxima on some engines; this is
 * the minimum over k of k where the maximum stands, and of k + m elsewhere.
 */
function lowestAtMaximum(values: Tensor, maximumOfRow: Tensor): Tensor {
  const [, m] = values.shape as [number, number];
  return min(add(mul(step(sub(maximumOfRow, values)), m), range(0, m)), 1);
}

function withColumn(matrix: Tensor, column: Tensor): Tensor2D {
  return concat([matrix, expandDims(column, 1)], 1) as Tensor2D;
}
