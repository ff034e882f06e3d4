import type { CodecKernels, PlainCodes, RowEncoder } from '@vqkit/core-tensor/codec';
import { createDirectSearch } from '@vqkit/core-tensor/plain-search';
import { LOADED_UNIT } from './options.ts';

type Book = Omit<PlainCodes, 'space'>;

/** Tokens that are prepared at a time. */
const AT_A_TIME = 1024;

/**
 * Codes as cosine similarity has them: at length 1, but those without a direction, which are 0.
 *
 * @param codes [K, dim], which stay as they are.
 * @example
 * unitCodes(Float32Array.of(3, 4, 0, 0), 2); // [ 0.6, 0.8, 0, 0 ]
 */
export function unitCodes(codes: Float32Array, dim: number): Float32Array {
  const unit = codes.slice();
  normalise(unit, dim, LOADED_UNIT, 0);
  return unit;
}

/**
 * The code of nearest direction, `argmin_k |x / ‖x‖ - c_k / ‖c_k‖|`. A code without a direction is never chosen; a token without one is equally far from all.
 *
 * @example
 * const indices = new Int32Array(1);
 * searchDirections({ codes: Float32Array.of(9, 0, 0, 1), dim: 2 })(Float32Array.of(0.3, 0.9), indices, 1); // indices [1]
 */
export function searchDirections(book: Book, kernels?: CodecKernels): RowEncoder {
  return searchUnits(book, kernels, 1e-6);
}

/**
 * The same, where codes are those of {@link unitCodes}: what is put at length 1 there is put at length 1 here.
 *
 * @param nearly how far a code's squared length may be from 1 to stay as it is.
 * @example
 * const indices = new Int32Array(1);
 * searchUnits({ codes: Float32Array.of(9, 0, 0, 1), dim: 2 })(Float32Array.of(0.3, 0.9), indices, 1); // indices [1]
 */
export function searchUnits({ codes, dim }: Book, kernels?: CodecKernels, nearly: number = LOADED_UNIT): RowEncoder {
  const searched = codes.slice();
  // NaN: 0 would be nearer than a code that points away.
  normalise(searched, dim, nearly, Number.NaN);
  const search = createDirectSearch({ codes: searched, dim }, kernels);
  const unit = new Float32Array(AT_A_TIME * dim);
  return (input, indices, tokens) => {
    for (let first = 0; first < tokens; first += AT_A_TIME) {
      const here = Math.min(AT_A_TIME, tokens - first);
      unit.set(input.subarray(first * dim, (first + here) * dim));
      normalise(unit.subarray(0, here * dim), dim, 0, Number.NaN);
      search(unit, indices.subarray(first), here);
    }
  };
}

/**
 * The code of the largest ⟨x, c⟩, as a search of the nearest: features more make all codes equally long, c → (c, √(M² - |c|²)), which takes two
 * float32 numbers. Tokens have 0 there.
 *
 * @example
 * const indices = new Int32Array(1);
 * searchProducts({ codes: Float32Array.of(9, 0, 0, 1), dim: 2 })(Float32Array.of(0.3, 0.9), indices, 1); // indices [0]
 */
export function searchProducts({ codes, dim }: Book, kernels?: CodecKernels): RowEncoder {
  const width = dim + 2;
  const count = codes.length / dim;
  const squares = Array.from({ length: count }, (_, k) =>
    codes.subarray(k * dim, (k + 1) * dim).reduce((sum, value) => sum + value * value, 0),
  );
  let most = 0;
  for (const square of squares) if (square > most) most = square;
  const lifted = new Float32Array(count * width);
  for (const [k, square] of squares.entries()) {
    lifted.set(codes.subarray(k * dim, (k + 1) * dim), k * width);
    // Cut off, so that there is a rest.
    const height = Math.fround(Math.sqrt(most - square) * (1 - 2 ** -23));
    lifted[k * width + dim] = height;
    lifted[k * width + dim + 1] = Math.sqrt(most - square - height * height);
  }
  const search = createDirectSearch({ codes: lifted, dim: width }, kernels);
  const queries = new Float32Array(AT_A_TIME * width);
  return (input, indices, tokens) => {
    for (let first = 0; first < tokens; first += AT_A_TIME) {
      const here = Math.min(AT_A_TIME, tokens - first);
      for (let n = 0; n < here; n++) {
        const token = input.subarray((first + n) * dim, (first + n + 1) * dim);
        queries.set(token, n * width);
        // All products are 0, and the first code is taken.
        if (token.every((value) => value === 0)) queries[n * width] = Number.NaN;
      }
      search(queries, indices.subarray(first), here);
    }
  };
}

/** Puts rows at length 1; those that are nearly so stay as they are, and one of a length up to 1e-12 has no direction. */
function normalise(rows: Float32Array, width: number, nearly: number, none: number): void {
  for (let start = 0; start < rows.length; start += width) {
    let squared = 0;
    for (let i = start; i < start + width; i++) squared += (rows[i] as number) ** 2;
    if (Math.abs(squared - 1) < nearly) continue;
    if (squared <= 1e-24) {
      rows.fill(none, start, start + width);
      continue;
    }
    const factor = squared ** -0.5;
    for (let i = start; i < start + width; i++) rows[i] = (rows[i] as number) * factor;
  }
}
