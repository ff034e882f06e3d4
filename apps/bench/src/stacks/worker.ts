// The process of one stack: times it against one of its layers and prints the times as one line of JSON. Its argument is a StackTask.
import { add, engine, sum, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { createRng, type Quantizer } from '@vqkit/core-tensor';
import { createFsq } from '@vqkit/fsq';
import { createLfq } from '@vqkit/lfq';
import { createResidualFsq, createResidualLfq, createResidualSimVq, createResidualVq } from '@vqkit/residual';
import { createSimVq } from '@vqkit/simvq';
import { createVq } from '@vqkit/vq';
import type { StackName, StackTask, StackTimes } from './task.ts';

const BOOK = { dim: 128, codebookSize: 1024 };
const LEVELS = [8, 5, 5, 5];

type AnyQuantizer = Quantizer<object, string>;

function pairOf(name: StackName, numQuantizers: number): [one: AnyQuantizer, stack: AnyQuantizer] {
  switch (name) {
    case 'vq':
      return [createVq(BOOK), createResidualVq({ ...BOOK, numQuantizers })];
    case 'simvq':
      return [createSimVq(BOOK), createResidualSimVq({ ...BOOK, numQuantizers })];
    case 'lfq':
      return [createLfq({ dim: 10 }), createResidualLfq({ dim: 10, numQuantizers })];
    case 'fsq':
      return [
        createFsq({ levels: LEVELS, preserveSymmetry: true, boundHardClamp: true }),
        createResidualFsq({ levels: LEVELS, numQuantizers }),
      ];
  }
}

function worksOf(quantizer: AnyQuantizer, z: Tensor): Record<string, () => Tensor> {
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
const [alone, stacked] = [worksOf(one, z), worksOf(stack, z)];
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
