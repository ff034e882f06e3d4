import {
  gather,
  matMul,
  max,
  reshape,
  type Tensor,
  type Tensor2D,
  tensor1d,
  tensor2d,
  tidy,
} from '@tensorflow/tfjs-core';
import { marginOf, queriesOf, type ScoreSpace } from './code-scores.ts';

/** Scores at a time: they stay in the cache. */
const CHUNK_SCORES = 2 ** 21;
/** A token is left where so many codes or panels can have the nearest. */
const MOST_CODES = 64;
const MOST_PANELS = 16;

/**
 * Finds the nearest codes by the scores of a space: of the codes that it leaves, the one at the smallest sum of squares in float64, the first of
 * equal ones.
 *
 * @param x [N, dim], as the codes are.
 * @param indices [N], written.
 * @param read gives the values of a tensor at once.
 * @returns the tokens that scores do not decide, whose indices are not written.
 */
export function screen(
  { scores, writeQuery }: ScoreSpace,
  codes: Float32Array,
  x: Float32Array,
  indices: Int32Array,
  read: (tensor: Tensor) => Float32Array,
): number[] {
  const { keys, width, panel, panels } = scores;
  const [tokens, row] = [indices.length, width + 2];
  const dim = x.length / tokens;
  const left: number[] = [];

  const distance = (token: number, code: number): number => {
    let squares = 0;
    for (let i = 0, t = token * dim, k = code * dim; i < dim; i++, t++, k++) {
      const d = (x[t] as number) - (codes[k] as number);
      squares += d * d;
    }
    return squares;
  };

  /** The nearest of the codes of these panels whose number is not below the limit, or -1 where they are too many. */
  const nearestIn = (
    token: number,
    values: Float32Array,
    places: Int32Array,
    [first, end]: [number, number],
    limit: number,
  ): number => {
    let nearest = -1;
    let least = 0;
    let seen = 0;
    for (let i = first; i < end; i++) {
      const firstCode = ((places[i] as number) % panels) * panel;
      for (let j = 0; j < panel; j++) {
        if ((values[i * panel + j] as number) < limit) continue;
        const code = firstCode + j;
        if (seen++ === 0) {
          nearest = code;
          continue;
        }
        if (seen > MOST_CODES) return -1;
        if (seen === 2) least = distance(token, nearest);
        const squares = distance(token, code);
        if (squares < least) [least, nearest] = [squares, code];
      }
    }
    return nearest;
  };

  const screenChunk = (columns: Tensor2D, first: number, count: number): void => {
    const { rows, slack } = queriesOf(width, first, count, writeQuery);
    const numbers = matMul(tensor2d(rows, [count, row]), columns, false, true);
    const inPanels = reshape(numbers, [count * panels, panel]);
    const highest = read(max(inPanels, 1));
    // The panels in which the nearest code can be, token after token, where those of each end, and the least that its number can be.
    const places = new Int32Array(count * panels);
    const ends = new Int32Array(count);
    const limits = new Float64Array(count);
    let end = 0;
    for (let n = 0, from = 0; n < count; n++, from += panels) {
      const before = end;
      let best = from;
      for (let p = from + 1; p < from + panels; p++) if ((highest[p] as number) > (highest[best] as number)) best = p;
      const margin = marginOf(scores, best - from, rows[n * row + width] as number) + (slack[n] as number);
      const limit = (highest[best] as number) - margin;
      limits[n] = limit;
      for (let p = from; p < from + panels; p++) if ((highest[p] as number) >= limit) places[end++] = p;
      if (end > before + MOST_PANELS) end = before;
      ends[n] = end;
    }
    const all = end === places.length;
    const values = all ? read(inPanels) : end === 0 ? highest : read(gather(inPanels, tensor1d(places.slice(0, end))));
    for (let n = 0, from = 0; n < count; from = ends[n++] as number) {
      const found = nearestIn(first + n, values, places, [from, ends[n] as number], limits[n] as number);
      if (found < 0) left.push(first + n);
      else indices[first + n] = found;
    }
  };

  tidy(() => {
    const columns = tensor2d(keys, [panels * panel, row]);
    const most = Math.max(1, Math.floor(CHUNK_SCORES / (panels * panel)));
    for (let first = 0; first < tokens; first += most) {
      tidy(() => screenChunk(columns, first, Math.min(most, tokens - first)));
    }
  });
  return left;
}
