import { createRng, DataError, phrase, type Rng } from '@vqkit/core-tensor';
import { once } from '../once.ts';

/** Data as tables speak of them; they are read when something is measured with them, and for a page never. */
export interface Data {
  /** As tables say it; parts are recognised by it. */
  readonly name: string;
  /** Largest minus smallest possible value where there are such (2 for pixels in [-1, 1]): what PSNR is relative to. */
  readonly range: number | undefined;
  open(): Promise<Source>;
}

/** Where the vectors of an experiment come from; one vector becomes one token. */
export interface Source extends Data {
  /** Features of a vector. */
  readonly dim: number;
  /** n vectors to train on, [n · dim]; what comes depends on the generator's state only. */
  draw(n: number, rng: Rng): Float32Array;
  /** Vectors that are never trained on, [m · dim]. */
  readonly test: Float32Array;
  /** Test vectors that are not still (silence, background), where the source tells them apart. */
  readonly busyTest?: Float32Array | undefined;
}

const TEST_VECTORS = 8192;

/**
 * An endless stream of Gaussian vectors, made anew for every batch: no data are needed and nothing can be learnt by heart.
 *
 * Without `factors` every feature is N(mean, 1) and independent. With `factors` that many such numbers are mixed by one fixed random
 * matrix into `dim` features of variance 1, so that an autoencoder has something to find. The share `still` of the vectors is one fixed
 * vector with a noise of 0.01 instead: the silence of a recording, the background of a picture.
 */
export function gaussianStream(options: { dim: number; mean?: number; factors?: number; still?: number }): Source {
  const { dim, mean = 0, factors, still = 0 } = options;
  const inner = factors ?? dim;
  const mix = factors === undefined ? undefined : createRng(7).normalArray(factors * dim, factors ** -0.5);
  const drawFrom = (n: number, rng: Rng, still: number): Float32Array => {
    const plain = rng.normalArray(n * inner, 1);
    if (mean !== 0) for (let i = 0; i < plain.length; i++) plain[i] = (plain[i] as number) + mean;
    const vectors = mix === undefined ? plain : product(plain, mix, inner, dim);
    if (still > 0) quieten(vectors, dim, still, rng);
    return vectors;
  };
  const parts = [
    factors === undefined ? `N(${mean}, 1) in ${dim} features` : `${factors} Gaussian factors in ${dim} features`,
    ...(factors !== undefined && mean !== 0 ? [`mean ${mean}`] : []),
    ...(still > 0 ? [`${Math.round(100 * still)} % of them still`] : []),
  ];
  return opened({
    name: parts.join(', '),
    dim,
    range: undefined,
    draw: (n, rng) => drawFrom(n, rng, still),
    test: drawFrom(TEST_VECTORS, createRng(4_000_000_007), still),
    busyTest: still > 0 ? drawFrom(TEST_VECTORS, createRng(4_000_000_009), 0) : undefined,
  });
}

/** What is read already. */
function opened(read: Omit<Source, 'open'>): Source {
  const source: Source = { ...read, open: async () => source };
  return source;
}

/** Vectors that are all in memory: a batch is drawn from `train`, with replacement. */
export function storedVectors(options: {
  name: string;
  dim: number;
  range?: number;
  train: Float32Array;
  test: Float32Array;
  busyTest?: Float32Array;
}): Source {
  const { name, dim, range, train, test, busyTest } = options;
  const count = train.length / dim;
  return opened({
    name,
    dim,
    range,
    test,
    busyTest,
    draw(n, rng) {
      const batch = new Float32Array(n * dim);
      for (let i = 0; i < n; i++) {
        const at = rng.integer(count) * dim;
        batch.set(train.subarray(at, at + dim), i * dim);
      }
      return batch;
    },
  });
}

/** Data that are told by name before they are read, at most once. */
export function unread(name: string, range: number | undefined, read: () => Promise<Source>): Data {
  const readOnce = once(read);
  return {
    name,
    range,
    async open() {
      const source = await readOnce();
      if (source.name === name) return source;
      throw new DataError(
        'bench',
        'the data',
        `be those that the parts before were measured with, ${name}`,
        phrase(source.name),
        'Measure all: leave --reuse out and add --fresh.',
      );
    },
  };
}

/** Mean over the features of the variance over vectors. */
export function varianceOf(vectors: Float32Array, dim: number): number {
  const n = vectors.length / dim;
  let total = 0;
  for (let j = 0; j < dim; j++) {
    let sum = 0;
    let squares = 0;
    for (let i = j; i < vectors.length; i += dim) {
      const value = vectors[i] as number;
      sum += value;
      squares += value * value;
    }
    total += squares / n - (sum / n) ** 2;
  }
  return total / dim;
}

/** [n, inner] × [inner, dim]. */
function product(a: Float32Array, b: Float32Array, inner: number, dim: number): Float32Array {
  const n = a.length / inner;
  const out = new Float32Array(n * dim);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < inner; k++) {
      const factor = a[i * inner + k] as number;
      for (let j = 0; j < dim; j++) {
        out[i * dim + j] = (out[i * dim + j] as number) + factor * (b[k * dim + j] as number);
      }
    }
  }
  return out;
}

/** Replaces a random share of the vectors by one fixed vector with a little noise. */
function quieten(vectors: Float32Array, dim: number, share: number, rng: Rng): void {
  const centre = createRng(11).normalArray(dim, 1);
  for (let start = 0; start < vectors.length; start += dim) {
    if (rng.uniform() >= share) continue;
    for (let j = 0; j < dim; j++) vectors[start + j] = (centre[j] as number) + 0.01 * rng.normal();
  }
}
