import { range, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { createRng, type Quantizer, type Rng } from '@vqkit/core-tensor';
import { createFsq } from '@vqkit/fsq';
import { createLfq } from '@vqkit/lfq';
import { createSimVq, type SimVqOptions } from '@vqkit/simvq';
import { createVq } from '@vqkit/vq';
import { fsqReference, lfqReference, nearestReference, type Reference } from './references.ts';
import { CHUNK, type QuantizerName } from './task.ts';

const LEVELS = [8, 5, 5, 5];
const BITS = 10;
const BOOK = { codebookSize: 256, dim: 8 };
/** So few that half of the vectors can lie in the middle between two of them. */
const SMALL_BOOK = { codebookSize: 8, dim: 4 };

/** A quantizer, its reference, and the vectors that go in. */
export interface Subject {
  readonly encode: (x: Tensor) => Tensor;
  readonly reference: Reference;
  /** The codes that are compared, the same numbers on every engine; empty where ids are comparisons with thresholds. */
  readonly codes: Float32Array;
  /** The vectors of one call, the same ones on every engine: `count` of chunk number `chunk`. */
  readonly draw: (chunk: number, count: number) => Float32Array;
}

/** Makes a subject on the engine that runs. */
export async function subjectOf(name: QuantizerName): Promise<Subject> {
  return SUBJECTS[name]();
}

const NO_CODES = new Float32Array(0);

const SUBJECTS: Readonly<Record<QuantizerName, () => Promise<Subject>>> = {
  async fsq() {
    const fsq = createFsq({ levels: LEVELS });
    const draw = seeded(normal(LEVELS.length, 1.5));
    return { encode: (x) => fsq.encode(x), reference: fsqReference(LEVELS), codes: NO_CODES, draw };
  },
  async lfq() {
    const lfq = createLfq({ dim: BITS });
    const draw = seeded(normal(BITS, 1));
    return { encode: (x) => lfq.encode(x), reference: lfqReference(BITS), codes: NO_CODES, draw };
  },
  vq: () => amongCodes(createVq(BOOK) as unknown as Quantizer, false),
  simvq: () => amongCodes(frozenCodes({ ...BOOK, exact: false }), false),
  exact: () => amongCodes(frozenCodes({ ...BOOK, exact: true }), false),
  'exact-ties': () => amongCodes(frozenCodes({ ...SMALL_BOOK, exact: true }), true),
};

/** SimVQ whose codes are the frozen vectors themselves, so that every engine has the same ones. */
function frozenCodes(options: SimVqOptions): Quantizer {
  const { dim } = options;
  const simvq = createSimVq(options);
  const identity = tensor(
    Float32Array.from({ length: dim ** 2 }, (_, i) => Number(i % (dim + 1) === 0)),
    [dim, dim],
  );
  simvq.loadStateDict({ ...simvq.stateDict(), 'code_transform.weight': identity });
  return simvq as unknown as Quantizer;
}

async function amongCodes(quantizer: Quantizer, ties: boolean): Promise<Subject> {
  const { codebookSize, dim } = quantizer;
  const codes = Float32Array.from(await quantizer.decode(range(0, codebookSize, 1, 'int32')).data());
  const scale = Math.sqrt(codes.reduce((sum, value) => sum + value * value, 0) / codes.length);
  const draw = seeded(ties ? betweenCodes(codes, dim) : normal(dim, scale));
  return { encode: (x) => quantizer.encode(x), reference: nearestReference(codes, dim), codes, draw };
}

type Draw = (rng: Rng, count: number) => Float32Array;

function seeded(draw: Draw): Subject['draw'] {
  return (chunk, count) => draw(createRng(chunk + 1), count);
}

function normal(dim: number, scale: number): Draw {
  return (rng, count) => rng.normalArray(count * dim, scale);
}

/** Every other vector lies in the middle between two codes, to within float32's rounding. */
function betweenCodes(codes: Float32Array, dim: number): Draw {
  const size = codes.length / dim;
  return (rng, count) => {
    const x = rng.normalArray(count * dim, 1);
    for (let n = 0; n < count; n += 2) {
      const [a, b] = [rng.integer(size) * dim, rng.integer(size) * dim];
      for (let i = 0; i < dim; i++) x[n * dim + i] = ((codes[a + i] as number) + (codes[b + i] as number)) / 2;
    }
    return x;
  };
}

/** The chunks of so many vectors: their numbers, where they begin, and how many each has. */
export function chunksOf(tokens: number): { chunk: number; first: number; count: number }[] {
  return Array.from({ length: Math.ceil(tokens / CHUNK) }, (_, chunk) => {
    const first = chunk * CHUNK;
    return { chunk, first, count: Math.min(CHUNK, tokens - first) };
  });
}
