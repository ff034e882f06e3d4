// The process of vqkit: fits a residual VQ to vectors, encodes them, and prints what it found as one line of JSON. Its argument is a VectorTask.
import { tensor2d, tidy } from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { createVectorSet } from '@vqkit/data';
import { openVectors } from '@vqkit/data/node';
import { quantizerEntry } from '@vqkit/quantizers';
import { createVectorTokenizer } from '@vqkit/tokenizer';
import { evaluate, fitQuantizer, vectorModality } from '@vqkit/training';
import type { Spent, VectorTask, VectorTimes } from './task.ts';

/** Rows that are encoded at a time. */
const BLOCK = 16_384;

const { path, codebooks, threads, repetitions, sample, passes } = JSON.parse(process.argv[2] ?? '') as VectorTask;
await init({ threads });
const file = await openVectors(path);
const { vectors } = await file.read(0, file.count);
const source = {
  count: file.count,
  dim: file.dim,
  read: async (from: number, to: number) => ({ vectors: vectors.subarray(from * file.dim, to * file.dim) }),
};
const options = { ...quantizerEntry('residual-vq').fit, codebookSize: 256, numQuantizers: codebooks };
const tokenizer = createVectorTokenizer({
  quantizer: 'residual-vq',
  features: file.dim,
  quantizerOptions: options,
  seed: 1,
});

async function spent(work: () => Promise<void>): Promise<Spent> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { wall: performance.now() - started, processor: (user + system) / 1000 };
}

async function encodeAll(): Promise<void> {
  for (let from = 0; from < file.count; from += BLOCK) {
    const to = Math.min(file.count, from + BLOCK);
    const block = vectors.subarray(from * file.dim, to * file.dim);
    const ids = tidy(() => tokenizer.encode(tensor2d(block, [to - from, file.dim])));
    await ids.data();
    ids.dispose();
  }
}

const train = await spent(() => fitQuantizer(tokenizer.quantizer, source, { sample, passes, seed: 1 }));
await encodeAll();
const encode: Spent[] = [];
for (let i = 0; i < repetitions; i++) encode.push(await spent(encodeAll));
const set = createVectorSet(source);
const { quality } = await evaluate(tokenizer, set, { batchSize: BLOCK, step: 0, modality: vectorModality });
const found: VectorTimes = { error: quality.error ?? Number.NaN, train, encode };
process.stdout.write(`\n@vectors ${JSON.stringify(found)}\n`);
// Threads of an engine would keep the process.
process.exit(0);
