// The process of one engine: encodes random vectors, compares their ids with those of float64, and prints what it found as one line of
// JSON. Its argument is a ParityTask.
import { range, type Tensor, tensor, version_core } from '@tensorflow/tfjs-core';
import { init as initNode } from '@vqkit/backend-node';
import { init as initWasm } from '@vqkit/backend-wasm';
import { init as initWebgpu } from '@vqkit/backend-webgpu';
import { createRng, type Quantizer, type Rng } from '@vqkit/core-tensor';
import { createFsq } from '@vqkit/fsq';
import { createLfq } from '@vqkit/lfq';
import { createSimVq } from '@vqkit/simvq';
import { createVq } from '@vqkit/vq';
import { fsqReference, lfqReference, nearestReference, type Reference } from './references.ts';
import { type EngineMissing, type EngineName, MOST_LISTED, type ParityFound, type ParityTask } from './task.ts';

const LEVELS = [8, 5, 5, 5];
const BITS = 10;
const BOOK = { codebookSize: 256, dim: 8 };
/** So few that the slowest engine can search them exactly for many vectors. */
const SMALL_BOOK = { codebookSize: 8, dim: 4 };
/** Vectors that are encoded together. */
const CHUNK = 2 ** 16;

/** Starts an engine and gives its name with its version. @throws Error with the reason when it does not run here. */
async function start(engine: EngineName): Promise<string> {
  switch (engine) {
    case 'wasm':
    case 'wasm-threads': {
      const { threads } = await initWasm({ threads: engine === 'wasm' ? 1 : 2 });
      if (engine === 'wasm-threads' && threads < 2) throw new Error('no threads');
      return `tfjs-wasm ${version_core}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
    }
    case 'webgpu': {
      const { adapter, version } = await initWebgpu();
      return `tfjs-webgpu ${version}, ${adapter}`;
    }
    default: {
      const { engine: chosen, tensorflow, notChosen } = await initNode({ prefer: engine });
      if (chosen !== engine) throw new Error(notChosen.find((other) => other.engine === engine)?.reason ?? chosen);
      return engine === 'native' ? `TensorFlow ${tensorflow}` : `tfjs-cpu ${version_core}`;
    }
  }
}

/** A quantizer, its reference, and the vectors that go in. */
interface Subject {
  readonly encode: (x: Tensor) => Tensor;
  readonly reference: Reference;
  readonly draw: (rng: Rng, count: number) => Float32Array;
}

async function subjectOf(name: ParityTask['quantizer']): Promise<Subject> {
  if (name === 'fsq') {
    const fsq = createFsq({ levels: LEVELS });
    return { encode: (x) => fsq.encode(x), reference: fsqReference(LEVELS), draw: normal(LEVELS.length, 1.5) };
  }
  if (name === 'lfq') {
    const lfq = createLfq({ dim: BITS });
    return { encode: (x) => lfq.encode(x), reference: lfqReference(BITS), draw: normal(BITS, 1) };
  }
  if (name === 'vq') return amongCodes(createVq(BOOK) as unknown as Quantizer, false);
  const book = name === 'exact-ties' ? SMALL_BOOK : BOOK;
  const simvq = createSimVq({ ...book, exact: name !== 'simvq' });
  // The codes are the frozen vectors themselves, so that every engine has the same ones.
  const identity = tensor(
    Float32Array.from({ length: book.dim ** 2 }, (_, i) => Number(i % (book.dim + 1) === 0)),
    [book.dim, book.dim],
  );
  simvq.loadStateDict({ ...simvq.stateDict(), 'code_transform.weight': identity });
  return amongCodes(simvq as unknown as Quantizer, name === 'exact-ties');
}

async function amongCodes(quantizer: Quantizer, ties: boolean): Promise<Subject> {
  const { codebookSize, dim } = quantizer;
  const codes = (await quantizer.decode(range(0, codebookSize, 1, 'int32')).data()) as Float32Array;
  const scale = Math.sqrt(codes.reduce((sum, value) => sum + value * value, 0) / codes.length);
  const draw = ties ? betweenCodes(codes, dim) : normal(dim, scale);
  return { encode: (x) => quantizer.encode(x), reference: nearestReference(codes, dim), draw };
}

function normal(dim: number, scale: number): Subject['draw'] {
  return (rng, count) => rng.normalArray(count * dim, scale);
}

/** Every other vector lies in the middle between two codes, to within float32's rounding. */
function betweenCodes(codes: Float32Array, dim: number): Subject['draw'] {
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

async function compare({ engine, quantizer, tokens }: ParityTask): Promise<ParityFound | EngineMissing> {
  let title: string;
  try {
    title = await start(engine);
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
  const began = performance.now();
  const { encode, reference, draw } = await subjectOf(quantizer);
  let differences = 0;
  const listed: [number, number, number][] = [];
  for (let first = 0; first < tokens; first += CHUNK) {
    const count = Math.min(CHUNK, tokens - first);
    const x = draw(createRng(first / CHUNK + 1), count);
    const input = tensor(x, [count, reference.dim]);
    const output = encode(input);
    const ids = await output.data();
    const expected = reference.ids(x);
    for (let n = 0; n < count; n++) {
      const id = ids[n] as number;
      if (id === expected[n]) continue;
      differences++;
      if (listed.length < MOST_LISTED) listed.push([first + n, id, reference.ulps(x, n, id)]);
    }
    input.dispose();
    output.dispose();
  }
  return { title, tokens, differences, listed, seconds: (performance.now() - began) / 1000 };
}

const found = await compare(JSON.parse(process.argv[2] ?? '') as ParityTask);
// Engines print to the same stream.
process.stdout.write(`\n@parity ${JSON.stringify(found)}\n`, () => process.exit(0));
