import { blockUntilReady, defaultDevice, init, jit, numpy as np } from '@jax-js/jax';
import { loopOf, type Prepared, readFloats } from './protocol.ts';
import { encoderOf, type FsqWork, factsOf, type LfqWork, type SimVqWork, type Work } from './work.ts';

/** Tokens of one product with the codebook, as the textbook's: its scores stay in the cache. */
const CHUNK = 1024;

/** What jit-compiled code reads beside the tokens. jax-js frees an array when it is used, `.ref` keeps it. */
type Constants = Record<string, np.Array>;

interface Encoder {
  readonly constants: Constants;
  readonly ids: (x: np.Array, constants: Constants) => np.Array;
}

/** The ids by jax-js: the formulas of the papers, each compiled by `jit` to one or a few WebAssembly functions. One thread in Node. */
export async function prepareJax(work: Work): Promise<Prepared> {
  await init('wasm');
  defaultDevice('wasm');
  const { constants, ids } = encoderOf<Encoder>(work, { fsq, lfq, simvq });
  const compiled = jit(ids);
  const { n, dim } = work;
  const x = readFloats(work.inputPath);
  const step = factsOf(work).codes(work) === undefined ? n : CHUNK;
  const chunks = Array.from({ length: Math.ceil(n / step) }, (_, i) => {
    const rows = x.slice(i * step * dim, Math.min(n, (i + 1) * step) * dim);
    return array(rows, [rows.length / dim, dim]);
  });
  const run = async (): Promise<np.Array[]> => {
    const found = chunks.map((chunk) => compiled(chunk.ref, kept(constants)));
    await blockUntilReady(found);
    return found;
  };
  return {
    measure: loopOf(async () => {
      for (const part of await run()) part.dispose();
    }),
    indices: async () => {
      const parts = await Promise.all((await run()).map((part): Promise<ArrayLike<number>> => part.data()));
      return Int32Array.from(parts.flatMap((part) => Array.from(part)));
    },
  };
}

function kept(constants: Constants): Constants {
  return Object.fromEntries(Object.entries(constants).map(([name, value]) => [name, value.ref]));
}

function array(values: ArrayLike<number>, shape: number[]): np.Array {
  return np.array(Float32Array.from(values), { shape });
}

function fsq({ levels }: FsqWork): Encoder {
  const row = (of: (level: number, i: number) => number): np.Array => array(levels.map(of), [levels.length]);
  const half = (level: number): number => ((level - 1) * (1 + 1e-3)) / 2;
  const offset = (level: number): number => (level % 2 === 0 ? 0.5 : 0);
  return {
    constants: {
      shift: row((level) => Math.atanh(offset(level) / half(level))),
      half: row(half),
      offset: row(offset),
      middle: row((level) => Math.floor(level / 2)),
      places: row((_, i) => levels.slice(0, i).reduce((product, level) => product * level, 1)),
    },
    ids: (z, { shift, half: halves, offset: offsets, middle, places }) => {
      const bounded = np.subtract(np.multiply(np.tanh(np.add(z, given(shift))), given(halves)), given(offsets));
      const digits = np.add(np.round(bounded), given(middle));
      return np.astype(np.sum(np.multiply(digits, given(places)), 1), np.int32);
    },
  };
}

function lfq({ dim }: LfqWork): Encoder {
  const places = array(
    Array.from({ length: dim }, (_, i) => 2 ** (dim - 1 - i)),
    [dim],
  );
  return {
    constants: { places },
    ids: (x, constants) => {
      const signs = np.astype(np.greater(x, 0), np.float32);
      return np.astype(np.sum(np.multiply(signs, given(constants.places)), 1), np.int32);
    },
  };
}

/** The largest ⟨x, c⟩ - |c|²/2, in the space of the frozen vectors where that is narrower. */
function simvq({ dim, codes, frozenDim, codebookPath, weightPath }: SimVqWork): Encoder {
  const frozen = array(readFloats(codebookPath), [codes, frozenDim]);
  const weight = array(readFloats(weightPath), [dim, frozenDim]);
  const codebook = np.matmul(frozen.ref, np.matrixTranspose(weight.ref));
  const bias = np.multiply(np.sum(np.square(codebook.ref), 1), -0.5);
  const nearest = (x: np.Array, vectors: np.Array, lengths: np.Array): np.Array =>
    np.argmax(np.add(np.matmul(x, np.matrixTranspose(vectors)), lengths), 1);
  if (frozenDim >= dim) {
    return { constants: { codebook, bias }, ids: (x, c) => nearest(x, given(c.codebook), given(c.bias)) };
  }
  return {
    constants: { frozen, weight, bias },
    ids: (x, c) => nearest(np.matmul(x, given(c.weight)), given(c.frozen), given(c.bias)),
  };
}

function given(value: np.Array | undefined): np.Array {
  if (value === undefined) throw new Error('a constant is missing');
  return value;
}
