import { type KernelBackend, type KernelFunc, square, sum, type Tensor, tidy } from '@tensorflow/tfjs-core';
import type { NearestCodeExactInputs } from '@vqkit/core-tensor';
import type { CodecKernels, RowEncoder } from '@vqkit/core-tensor/codec';
import { createPlainSearch } from '@vqkit/core-tensor/plain-search';
import {
  type CodeScores,
  centredSpace,
  givenQueries,
  givenScores,
  type ScoreSpace,
  WIDEST,
} from '../search/code-scores.ts';
import { screen } from '../search/screen.ts';

/** Up to so many products plain JavaScript adds them up before another way has begun. */
const PLAIN = 2 ** 16;
/** Up to so many products, or elements of codes, the kernels of codecs are faster than TensorFlow with what has to be done for each token. */
const SMALL = 2 ** 21;
const FEW = 2 ** 11;

type Read = (tensor: Tensor) => Float32Array;

/** What is kept of codes as long as they are there. */
interface Book {
  readonly codes: Float32Array;
  space?: (x: Float32Array) => ScoreSpace;
  search?: RowEncoder;
}

/** Scores in a space that is given, and of which keys. */
interface GivenScores {
  readonly keys: object;
  readonly scores: CodeScores | undefined;
}

/**
 * TensorFlow scores in float32. The few codes that can be the nearest by these scores are compared in float64 by JavaScript, which reads tensors
 * at the cost of a copy; a token with many such codes is searched by the kernels of codecs. Small searches, and those of one feature, need no TensorFlow.
 *
 * @param kernels of `loadKernels`.
 */
export function createNearestCodeExact(kernels?: CodecKernels): KernelFunc {
  const books = new WeakMap<object, Book>();
  const given = new WeakMap<object, GivenScores>();

  /** Undefined where there is none, or not all codes can be scored in it. */
  const givenSpace = (inputs: NearestCodeExactInputs, read: Read): ScoreSpace | undefined => {
    const { queries, keys, bias, moved, slack } = inputs;
    if (!(queries && keys && bias && moved && slack)) return undefined;
    const off = read(slack);
    if (!off.every(Number.isFinite)) return undefined;
    let own = given.get(bias.dataId);
    if (own?.keys !== keys.dataId) {
      own = { keys: keys.dataId, scores: givenScores(read(keys), read(bias)) };
      given.set(bias.dataId, own);
    }
    const squares = tidy(() => read(sum(square(moved), 1)));
    return own.scores && { scores: own.scores, writeQuery: givenQueries(read(queries), squares, off) };
  };

  return ({ inputs, backend: active }) => {
    const backend = active as KernelBackend;
    const read: Read = ({ dataId }) => backend.readSync(dataId) as Float32Array;
    const all = inputs as NearestCodeExactInputs;
    const { x, codes } = all;
    const [tokens, dim] = x.shape;
    const rows = read(x);
    const indices = new Int32Array(tokens);
    const products = tokens * codes.size;
    if (products <= PLAIN || dim === 1) {
      if (tokens > 0) createPlainSearch({ codes: read(codes), dim })(rows, indices, tokens);
    } else {
      const before = books.get(codes.dataId);
      // A copy: what is read may be the caller's own array.
      const book = before ?? { codes: read(codes).slice() };
      books.set(codes.dataId, book);
      // Codes that change at each step are not worth the kernels' memory.
      if (before && (products <= SMALL || codes.size <= FEW)) {
        book.search ??= createPlainSearch({ codes: book.codes, dim }, kernels);
        book.search(rows, indices, tokens);
      } else {
        const space = givenSpace(all, read) ?? centredIn(book, dim, rows);
        const left = space ? screen(space, book.codes, rows, indices, read) : Array.from(indices.keys());
        searchLeft(left, book, rows, indices, kernels);
      }
    }
    return { dataId: backend.write(indices, [tokens], 'int32'), shape: [tokens], dtype: 'int32' };
  };
}

function centredIn(book: Book, dim: number, x: Float32Array): ScoreSpace | undefined {
  if (dim > WIDEST) return undefined;
  book.space ??= centredSpace(book.codes, dim);
  return book.space(x);
}

/** Searches for the tokens that scores have left among all codes. */
function searchLeft(
  left: readonly number[],
  book: Book,
  x: Float32Array,
  indices: Int32Array,
  kernels: CodecKernels | undefined,
): void {
  if (left.length === 0) return;
  const { codes } = book;
  const dim = x.length / indices.length;
  const rows = new Float32Array(left.length * dim);
  left.forEach((n, i) => {
    rows.set(x.subarray(n * dim, (n + 1) * dim), i * dim);
  });
  if (left.length * codes.length > SMALL) book.search ??= createPlainSearch({ codes, dim }, kernels);
  const search = book.search ?? createPlainSearch({ codes, dim });
  const found = new Int32Array(left.length);
  search(rows, found, left.length);
  left.forEach((n, i) => {
    indices[n] = found[i] as number;
  });
}
