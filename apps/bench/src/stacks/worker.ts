// The process of one stack: times it against one of its layers and prints the times as one line of JSON. Its argument is a StackTask.
import { add, engine, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { createRng, type Quantizer, sum } from '@vqkit/core-tensor';
import { quantizerEntry, stackOf } from '@vqkit/quantizers';
import type { StackName, StackTask, StackTimes } from './task.ts';

const BOOK = { dim: 128, codebookSize: 1024 };
const LEVELS = [8, 5, 5, 5];

/** The options of a stack, and what one of its layers takes beside them. */
const OPTIONS: Readonly<Record<StackName, { readonly stack: object; readonly layer?: object }>> = {
  vq: { stack: BOOK },
  simvq: { stack: BOOK },
  lfq: { stack: { dim: 10 } },
  fsq: { stack: { levels: LEVELS }, layer: { preserveSymmetry: true, boundHardClamp: true } },
};

function pairOf(name: StackName, numQuantizers: number): [one: Quantizer, stack: Quantizer | undefined] {
  const { stack, layer } = OPTIONS[name];
  return [quantizerEntry(name).create({ ...stack, ...layer }), stackOf(name)?.create({ ...stack, numQuantizers })];
}

function worksOf(quantizer: Quantizer, z: Tensor): Record<string, () => Tensor> {
  const ids = quantizer.encode(z);
  const variables = Object.values(quantizer.variables());
  const objective = (): Tensor => {
    const { quantized, loss } = quantizer.quantize(z, { training: true });
    return add(sum(quantized), loss);
  };
  return {
    encode: () => quantizer.encode(z),
    quantize: () => quantizer.quantize(z).quantized,
    decode: () => quantizer.decode(ids),
    'training step': () => engine().gradients(objective, [z, ...variables], undefined, true).grads[0] as Tensor,
  };
}

/** A call and the reading of its result, in milliseconds. */
async function time(run: () => Tensor): Promise<number> {
  const start = performance.now();
  const result = tidy(run);
  await result.data();
  const spent = performance.now() - start;
  result.dispose();
  return spent;
}

const { stack: name, layers, tokens, warmUpMs, repetitions } = JSON.parse(process.argv[2] ?? '') as StackTask;
await init({ threads: 1 });
const [one, stack] = pairOf(name, layers);
const z = tensor(createRng(1).normalArray(tokens * one.dim, 1), [tokens, one.dim]);
const [alone, stacked] = [worksOf(one, z), worksOf(stack as Quantizer, z)];
const found: StackTimes[] = [];
for (const [work, run] of Object.entries(alone)) {
  const turn = async () => [await time(run), await time(stacked[work] as () => Tensor)] as const;
  const start = performance.now();
  do await turn();
  while (performance.now() - start < warmUpMs);
  const times = { one: [] as number[], stack: [] as number[] };
  for (let i = 0; i < repetitions; i++) {
    const [single, whole] = await turn();
    times.one.push(single);
    times.stack.push(whole);
  }
  found.push({ work, ...times });
}
process.stdout.write(`\n@stack ${JSON.stringify(found)}\n`);
