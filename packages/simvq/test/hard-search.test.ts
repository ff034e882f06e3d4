import { range, tensor, tensor2d } from '@tensorflow/tfjs-core';
import { loadKernels } from '@vqkit/backend-wasm/codec';
import { createRng } from '@vqkit/core-tensor';
import { type EngineName, eachEngine, expectSame, HARD_CODEBOOKS, hardSearch, nearestByFloat64 } from '@vqkit/testing';
import { describe, it } from 'vitest';
import { createSimVqCodec } from '../src/codec.ts';
import { createSimVq, type SimVq, type SimVqOptions } from '../src/index.ts';

const DIM = 12;

/** Name, options and width of the frozen vectors: searches among codes, in the frozen space, and behind an MLP. */
const SEARCHES: [name: string, options: Omit<SimVqOptions, 'dim' | 'codebookSize'>, width: number][] = [
  ['linear codes', { transformBias: true }, DIM],
  ['codes wider than their frozen vectors', { frozenCodebookDim: 3, transformBias: true }, 3],
  ['codes made of numbers', { frozenCodebookDim: 1 }, 1],
  ['the codes of an MLP', { codebookTransform: { hidden: [10] }, frozenCodebookDim: 5 }, 5],
];

/** A quantizer whose frozen vectors are these. */
function withFrozen(options: Omit<SimVqOptions, 'dim' | 'codebookSize'>, frozen: Float32Array, width: number): SimVq {
  const codebookSize = frozen.length / width;
  const simvq = createSimVq({ ...options, dim: DIM, codebookSize, seed: 4 });
  simvq.loadStateDict({ ...simvq.stateDict(), frozen_codebook: tensor(frozen, [codebookSize, width]) });
  return simvq;
}

/** Tokens at codes, beside them, and between two of them. */
function tokensAround(codes: Float32Array, count: number): Float32Array {
  const rng = createRng(8);
  const size = codes.length / DIM;
  const noise = rng.normalArray(count * DIM, 0.01);
  const pairs = Int32Array.from({ length: 2 * count }, () => rng.integer(size));
  return Float32Array.from({ length: count * DIM }, (_, i) => {
    const token = Math.floor(i / DIM);
    const [a, b] = [0, 1].map((own) => codes[(pairs[2 * token + own] as number) * DIM + (i % DIM)] as number) as [
      number,
      number,
    ];
    const value = [a, a + (noise[i] as number) * Math.abs(a), (a + b) / 2][token % 3] as number;
    return Number.isFinite(Math.fround(value)) ? value : i;
  });
}

const sizesFor = (engine: EngineName): [k: number, n: number] => (engine === 'webgpu' ? [30, 20] : [300, 90]);

eachEngine((engine) => {
  describe('the nearest code of SimVQ', () => {
    for (const [name, options, width] of SEARCHES) {
      it(`is that of float64 whatever the frozen vectors: ${name}`, async () => {
        const [k, n] = sizesFor(engine);
        for (const [i, kind] of HARD_CODEBOOKS.entries()) {
          const simvq = withFrozen(options, hardSearch(kind, [k, 1, width], i).codes, width);
          const codes = (await simvq.decode(range(0, k, 1, 'int32')).data()) as Float32Array;
          const x = tokensAround(codes, n);
          const expected = nearestByFloat64({ codes, x, dim: DIM });
          await expectSame(simvq.encode(tensor2d(x, [n, DIM])), expected);
          simvq.dispose();
        }
      });
    }

    it('of a code is that code itself, with 8,192 codes made of one number', async () => {
      const frozen = createRng(5).normalArray(8192, 1);
      const simvq = withFrozen({ frozenCodebookDim: 1 }, frozen, 1);
      const codes = (await simvq.decode(range(0, 8192, 1, 'int32')).data()) as Float32Array;
      const first = new Map<string, number>();
      const keys = Array.from({ length: 8192 }, (_, k) => codes.subarray(k * DIM, (k + 1) * DIM).join());
      keys.forEach((key, k) => {
        if (!first.has(key)) first.set(key, k);
      });
      const ids = range(0, 8192, engine === 'webgpu' ? 307 : 11, 'int32');
      const expected = (await ids.data()).map((k) => first.get(keys[k] as string) as number);
      await expectSame(simvq.encode(simvq.decode(ids)), expected);
      simvq.dispose();
    });
  });
});

describe('the codec of SimVQ', () => {
  it('gives the ids of float64 whatever the frozen vectors, with kernels and without', async () => {
    const kernels = await loadKernels();
    for (const width of [1, 3, DIM]) {
      const rng = createRng(6);
      const weight = { shape: [DIM, width], data: rng.normalArray(DIM * width, 1) };
      for (const [i, kind] of HARD_CODEBOOKS.entries()) {
        const { codes: frozen } = hardSearch(kind, [700, 1, width], i);
        const state = { frozen_codebook: { shape: [700, width], data: frozen }, 'code_transform.weight': weight };
        for (const extras of [{}, { kernels }]) {
          const options = { dim: DIM, codebookSize: 700, frozenCodebookDim: width };
          const codec = createSimVqCodec(options, state, extras);
          const codes = codec.decode(Int32Array.from({ length: 700 }, (_, k) => k));
          const x = tokensAround(codes, 90);
          await expectSame(codec.encode(x), nearestByFloat64({ codes, x, dim: DIM }));
        }
      }
    }
  });
});
