import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';
import { DECODE_BLOCK, words } from '../stack-table.ts';

/** The sum of one row of each codebook, in one pass over the result. */
export const gatherSum: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { indices, ...rest } = inputs as Record<string, TensorInfo> & { indices: TensorInfo };
  const { layers, dropout } = attrs as unknown as { layers: number; dropout: boolean };
  const codebooks = Array.from({ length: layers }, (_, j) => rest[j] as TensorInfo);
  const [tokens] = indices.shape as [number, number];
  const dim = codebooks[0]?.shape[1] as number;
  const out = engine.output([tokens, dim], 'float32');
  const sizes = codebooks.map(({ shape }) => shape[0] as number);
  engine.scratch(8 * layers + engine.threads * 4 * (layers + dim), (scratch) => {
    const addresses = codebooks.map((codebook) => engine.address(codebook));
    engine.write(scratch, words('i32', [...addresses, ...sizes]));
    const [from, to] = [engine.address(indices), engine.address(out)];
    const shape = [tokens, dim, layers, Number(dropout)];
    engine.run('gatherSum', Math.ceil(tokens / DECODE_BLOCK), from, to, scratch, scratch + 8 * layers, ...shape);
  });
  return out;
};
