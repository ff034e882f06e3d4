import type { Tensor } from '@tensorflow/tfjs-core';
import { DataError, phrase, type Quantizer, requireOption, show } from '@vqkit/core-tensor';
import type { Grouped } from './grouped.ts';
import { requireIndices } from './rows.ts';
import type { Residual } from './stack.ts';

/**
 * Reads the indices of a composition and throws at the first token that `decode` gives NaN for: an index out of range, or -1 where no
 * layer was dropped. `assertIndices` of core-tensor does not know what a layer is.
 *
 * @param where name of the caller, for errors.
 * @param indices as `encode` gives them: int32, one column per codebook.
 * @param quantizer a residual or grouped quantizer.
 * @throws DataError naming the token and the layer; ShapeError and DtypeError for other indices.
 * @example
 * await assertLayerIndices('decodeFile', indices, rlfq);
 * const codes = rlfq.decode(indices);
 */
export async function assertLayerIndices(where: string, indices: Tensor, quantizer: Quantizer): Promise<void> {
  const { numCodebooks } = quantizer;
  requireOption(
    isComposition(quantizer),
    where,
    'quantizer',
    'a residual or grouped one',
    quantizer.kind,
    'Use assertIndices.',
  );
  requireIndices(where, indices, [numCodebooks], 'Pass what encode() returned.');
  const data = (await indices.data()) as Int32Array;
  for (let n = 0; n * numCodebooks < data.length; n++) {
    const found = problem(quantizer, data.subarray(n * numCodebooks, (n + 1) * numCodebooks), '');
    if (typeof found !== 'object') continue;
    throw new DataError(where, 'indices', found.rule, phrase(`${found.value} in token ${n}`), found.fix);
  }
}

interface Problem {
  readonly rule: string;
  readonly value: string;
  readonly fix: string;
}

const DECODER = 'Decode with the quantizer that encoded them.';

/** Whether the token has an index in this quantizer, or what is wrong with it. */
function problem(quantizer: Quantizer, columns: Int32Array, path: string): boolean | Problem {
  if (!isComposition(quantizer)) return leafProblem(quantizer, columns, path);
  const isStack = 'layers' in quantizer;
  const members = isStack ? quantizer.layers : quantizer.groups;
  const dropout = isStack && (quantizer.config as { quantizeDropout: boolean }).quantizeDropout;
  let from = 0;
  let before: boolean | undefined;
  for (const [j, member] of members.entries()) {
    const name = `${path}${isStack ? 'layer' : 'group'} ${j}`;
    const own = problem(member, columns.subarray(from, from + member.numCodebooks), `${name}, `);
    if (typeof own === 'object') return own;
    if (before !== undefined && own !== before && !(dropout && before)) {
      const fix = own
        ? 'Only the last layers of a token can be dropped: a missing one makes what comes after it meaningless.'
        : `Create the quantizer with quantizeDropout: true${path === '' && isStack ? `, or pass { layers: ${j} } to decode` : ''}.`;
      return {
        rule: `have ${isStack ? (dropout ? 'no layer after a dropped one' : 'no dropped layers') : 'all groups or none'}`,
        value: `${own ? 'an index after -1' : '-1'} in ${name}`,
        fix: isStack ? fix : DECODER,
      };
    }
    before = own;
    from += member.numCodebooks;
  }
  return columns.some((index) => index !== -1);
}

function leafProblem({ codebookSize }: Quantizer, columns: Int32Array, path: string): boolean | Problem {
  if (columns.every((index) => index === -1)) return false;
  const wrong = columns.find((index) => index < 0 || index >= codebookSize);
  if (wrong === undefined) return true;
  return {
    rule: `be in [0, ${codebookSize})`,
    value: `${show(wrong)} in ${path.slice(0, -2)}`,
    fix: DECODER,
  };
}

function isComposition(quantizer: Quantizer): quantizer is Residual | Grouped {
  return 'layers' in quantizer || 'groups' in quantizer;
}
