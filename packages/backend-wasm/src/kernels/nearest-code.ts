import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import { engineOf } from '../engine.ts';

/** The highest score of each token, and its second highest when asked for, without a matrix of scores. */
export const nearestCode: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { x, keys, bias } = inputs as { x: TensorInfo; keys: TensorInfo; bias: TensorInfo };
  const { withScores } = attrs as unknown as { withScores: boolean };
  const [tokens, dim] = x.shape as [number, number];
  const [codes] = keys.shape as [number];
  const panels = Math.ceil(codes / 8);
  const indices = engine.output([tokens], 'int32');
  const scores = withScores ? [engine.output([tokens], 'float32'), engine.output([tokens], 'float32')] : [];
  engine.scratch(panels * (dim + 1) * 32, (packed) => {
    engine.run('packCodes', panels, engine.address(keys), engine.address(bias), packed, codes, dim);
    const [name, group] = withScores ? ['nearestTwoCodes', 2] : ['nearestCode', 4];
    const outputs = [indices, ...scores].map((output) => engine.address(output));
    engine.run(
      name as string,
      Math.ceil(tokens / (group as number)),
      engine.address(x),
      packed,
      ...outputs,
      tokens,
      dim,
      panels,
    );
  });
  return [indices, ...scores];
};
