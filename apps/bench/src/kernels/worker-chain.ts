import {
  add,
  argMin,
  cast,
  concat,
  greater,
  matMul,
  mul,
  round,
  setBackend,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tanh,
  tensor1d,
  tensor2d,
  tidy,
  transpose,
} from '@tensorflow/tfjs-core';
import '@vqkit/backend-wasm';
import { loopOf, type Prepared, readFloats } from './protocol.ts';
import { encoderOf, type FsqWork, type LfqWork, type SimVqWork, type Work } from './work.ts';

/** Tokens of one product with the codebook: its distances stay in the cache. */
const CHUNK = 1024;

/** The ids by the formulas of the papers, in operations of TensorFlow.js on its own wasm engine, as one would write them. */
export async function prepareChain(work: Work): Promise<Prepared> {
  await setBackend('wasm');
  const encode = encoderOf(work, { fsq, lfq, simvq });
  const x = tensor2d(readFloats(work.inputPath), [work.n, work.dim]);
  const run = (): Tensor => tidy(() => encode(x));
  return {
    measure: loopOf(() => run().dispose()),
    indices: async () => Int32Array.from(await run().data()),
  };
}

function fsq({ levels }: FsqWork): (z: Tensor2D) => Tensor {
  const half = levels.map((level) => ((level - 1) * (1 + 1e-3)) / 2);
  const offset = levels.map((level) => (level % 2 === 0 ? 0.5 : 0));
  const shift = tensor1d(offset.map((o, i) => Math.atanh(o / (half[i] ?? 1))));
  const [halves, offsets] = [tensor1d(half), tensor1d(offset)];
  const middle = tensor1d(levels.map((level) => Math.floor(level / 2)));
  const places = tensor2d(levels.map((_, i) => [levels.slice(0, i).reduce((product, level) => product * level, 1)]));
  return (z) => {
    const bounded = sub(mul(tanh(add(z, shift)), halves), offsets);
    return cast(matMul(add(round(bounded), middle) as Tensor2D, places), 'int32');
  };
}

function lfq({ dim }: LfqWork): (x: Tensor2D) => Tensor {
  const places = tensor2d(Array.from({ length: dim }, (_, i) => [2 ** (dim - 1 - i)]));
  return (x) => cast(matMul(cast(greater(x, 0), 'float32') as Tensor2D, places), 'int32');
}

function simvq({ n, dim, codes, frozenDim, codebookPath, weightPath }: SimVqWork): (x: Tensor2D) => Tensor {
  const frozen = tensor2d(readFloats(codebookPath), [codes, frozenDim]);
  const weight = tensor2d(readFloats(weightPath), [dim, frozenDim]);
  // The product with a transposed matrix is slow in tfjs's wasm engine: transposed once.
  const codebook = transpose(matMul(frozen, transpose(weight))) as Tensor2D;
  const twice = mul(codebook, 2) as Tensor2D;
  const squares = sum(square(codebook), 0);
  return (x) => {
    const parts: Tensor1D[] = [];
    for (let from = 0; from < n; from += CHUNK) {
      const rows = slice(x, [from, 0], [Math.min(CHUNK, n - from), dim]);
      parts.push(tidy(() => argMin(sub(squares, matMul(rows, twice)), 1) as Tensor1D));
    }
    return concat(parts);
  };
}
