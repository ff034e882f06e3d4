import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { NearestCodeExactInputs } from '@vqkit/core-tensor';
import { type Engine, engineOf } from '../engine.ts';
import { planSearch, type ScoredSpace, type SearchedCodes } from '../search-codes.ts';

type Infos = { readonly [name in keyof NearestCodeExactInputs]: TensorInfo };

/** The code at the smallest distance of each token, as float64 finds it. */
export const nearestCodeExact: KernelFunc = ({ inputs, backend }) => {
  const engine = engineOf(backend);
  const { x, codes, queries, moved, ...scores } = inputs as unknown as Infos;
  const [tokens, dim] = x.shape as [number, number];
  const [count] = codes.shape as [number];
  const indices = engine.output([tokens], 'int32');
  const { keys, bias, slack } = scores;
  const book: SearchedCodes = {
    codes: engine.address(codes),
    count,
    dim,
    space: spaceOf(engine, scores),
    identities: keys && bias && slack ? [codes.dataId, keys.dataId, bias.dataId, slack.dataId] : [codes.dataId],
  };
  const plan = planSearch(engine, book, tokens);
  engine.scratch(Math.max(plan.bytes, 16), (at) => {
    const search = plan.prepare(at);
    engine.scratch(search.scratchBytes(tokens), (scratch) => {
      const scored = queries && moved ? { queries: engine.address(queries), moved: engine.address(moved) } : {};
      search.search({ x: engine.address(x), tokens, ...scored }, scratch, engine.address(indices));
    });
  });
  return [indices];
};

/** Its values, by its data: reading three numbers takes longer than all else before the search of a token. */
const slacks = new WeakMap<object, ScoredSpace['slack']>();

function spaceOf(engine: Engine, { keys, bias, slack }: Partial<Infos>): ScoredSpace | undefined {
  if (!(keys && bias && slack)) return undefined;
  const values = slacks.get(slack.dataId) ?? ([...engine.view(slack)] as unknown as ScoredSpace['slack']);
  slacks.set(slack.dataId, values);
  return {
    width: keys.shape[1] as number,
    keys: engine.address(keys),
    bias: engine.address(bias),
    slack: values,
  };
}
