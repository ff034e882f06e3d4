import { InferenceSession, Tensor } from 'onnxruntime-node';
import { fsqGraph, lfqGraph, nearestGraph } from './onnx.ts';
import { loopOf, type Prepared, readFloats } from './protocol.ts';
import { encoderOf, factsOf, type SimVqWork, type Work } from './work.ts';

/** Tokens of one call for the nearest code: its N × K scores stay in the cache. */
const CHUNK = 256;

/** The same ids by onnxruntime, of a graph that holds the codebook. */
export async function prepareOnnx(work: Work, threads: number): Promise<Prepared> {
  const graph = encoderOf(work, {
    fsq: ({ levels }) => fsqGraph(levels),
    lfq: ({ dim }) => lfqGraph(dim),
    simvq: simVqGraph,
  });
  const session = await InferenceSession.create(graph, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  });
  const [name = ''] = session.inputNames;
  const { n, dim } = work;
  const x = readFloats(work.inputPath);
  const step = factsOf(work).codes(work) === undefined ? n : CHUNK;
  const feeds = Array.from({ length: Math.ceil(n / step) }, (_, i) => {
    const rows = x.subarray(i * step * dim, Math.min(n, (i + 1) * step) * dim);
    return { [name]: new Tensor('float32', rows, [rows.length / dim, dim]) };
  });
  return {
    measure: loopOf(async () => {
      for (const feed of feeds) await session.run(feed);
    }),
    indices: async () => {
      const ids = new Int32Array(n);
      for (const [i, feed] of feeds.entries()) {
        const { ids: part } = await session.run(feed);
        if (part !== undefined) ids.set(part.data as Int32Array, i * step);
      }
      return ids;
    },
  };
}

function simVqGraph({ dim, codes, frozenDim, codebookPath, weightPath }: SimVqWork): Uint8Array {
  const frozen = readFloats(codebookPath);
  const weight = readFloats(weightPath);
  const codebook = new Float32Array(codes * dim);
  const bias = new Float32Array(codes);
  for (let k = 0; k < codes; k++) {
    let square = 0;
    for (let i = 0; i < dim; i++) {
      let sum = 0;
      for (let j = 0; j < frozenDim; j++) {
        sum += (weight[i * frozenDim + j] as number) * (frozen[k * frozenDim + j] as number);
      }
      codebook[k * dim + i] = sum;
      square += sum * sum;
    }
    bias[k] = -square / 2;
  }
  return frozenDim < dim
    ? nearestGraph({ values: frozen, count: codes, width: frozenDim }, bias, { values: weight, dim })
    : nearestGraph({ values: codebook, count: codes, width: dim }, bias);
}
