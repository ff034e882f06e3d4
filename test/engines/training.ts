import {
  add,
  mul,
  type Scalar,
  squaredDifference,
  sum,
  type Tensor,
  tensor,
  train,
  type Variable,
  variable,
} from '@tensorflow/tfjs-core';
import { createRng, type Quantizer } from '@vqkit/core-tensor';
import { createFsq, type FsqOptions } from '@vqkit/fsq';
import { createLfq, type LfqOptions } from '@vqkit/lfq';
import { createSimVq, type SimVqOptions } from '@vqkit/simvq';

/** The quantizers that are trained on every engine. */
export const TRAINED: readonly [kind: string, options: Record<string, unknown>][] = [
  ['FSQ', { levels: [5, 4, 3] }],
  ['LFQ', { codebookSize: 16, entropyLossWeight: 0.1 }],
  ['SimVQ', { dim: 4, codebookSize: 16, rotationTrick: true, seed: 1 }],
];

export function createByKind(kind: string, options: Record<string, unknown>): Quantizer {
  if (kind === 'FSQ') return createFsq(options as unknown as FsqOptions);
  if (kind === 'LFQ') return createLfq(options as unknown as LfqOptions);
  return createSimVq(options as unknown as SimVqOptions);
}

/** What a training run leaves: the losses of all steps, and the learned values. */
export interface Run {
  readonly losses: number[];
  readonly scale: number[];
}

const TOKENS = 32;

/** Trains the quantizer's own variables and a scale of its input so that its output meets a target. Everything is seeded. */
export async function trainSome(kind: string, options: Record<string, unknown>, steps: number): Promise<Run> {
  const q = createByKind(kind, options);
  const rng = createRng(1);
  const x = tensor(rng.normalArray(TOKENS * q.dim, 1), [TOKENS, q.dim]);
  const target = tensor(rng.normalArray(TOKENS * q.dim, 0.5), [TOKENS, q.dim]);
  const scale = variable(tensor(new Float32Array(q.dim).fill(0.5)));
  const optimizer = train.adam(0.05);
  const trained = [scale as Variable, ...Object.values(q.variables())] as Variable[];
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const objective = (): Scalar => {
      const { quantized, loss } = q.quantize(mul(x, scale) as Tensor, { training: true });
      return add(sum(squaredDifference(quantized, target)), loss) as Scalar;
    };
    const loss = optimizer.minimize(objective, true, trained) as Scalar;
    losses.push(...(await loss.data()));
    loss.dispose();
  }
  const result = { losses, scale: [...(await scale.data())] };
  for (const each of [x, target, scale]) each.dispose();
  optimizer.dispose();
  q.dispose();
  return result;
}
