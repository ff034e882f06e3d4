import {
  add,
  reshape,
  type Scalar,
  scalar,
  type Tensor,
  type Tensor2D,
  tidy,
  transpose,
  zeros,
} from '@tensorflow/tfjs-core';
import { type Quantizer, type Rng, requireOption } from '@vqkit/core-tensor';

export type Losses = Readonly<Record<string, Scalar>>;

/** The quantizers that a composition is made of, in order; one that stands there several times is shared. */
export interface Members {
  readonly list: readonly Quantizer[];
  /** Features per token of each. */
  readonly dims: readonly number[];
  /** Where each member's codebooks begin on the axis of the indices, and last their number. */
  readonly columns: readonly number[];
  readonly numCodebooks: number;
  /** The largest of all: every index is below it. */
  readonly codebookSize: number;
  /** int32 [codebooks of member j, N] → indices as its `decode` takes them. */
  fromRows(rows: Tensor2D, j: number): Tensor;
  /** Names of the losses: first the totals, then `layer0.commitment` and so on. */
  lossNames(): string[];
  /** The totals over the members, and every loss of every member by name; undefined for a member that did not run. */
  combine(losses: readonly (Losses | undefined)[]): Record<string, Scalar>;
  /** Gives every member's generator a state that follows from the present one of `rng`, and moves `rng` on. */
  reseed(rng: Rng): void;
}

/**
 * @param where the constructor, and `argument` its option: both for errors.
 * @param word what a member is called in the names of the losses: `layer` or `group`.
 * @throws OptionError unless `list` holds at least one quantizer and nothing else.
 */
export function createMembers(where: string, argument: string, list: readonly Quantizer[], word: string): Members {
  requireOption(
    Array.isArray(list) && list.length > 0,
    where,
    argument,
    'a list of at least one quantizer',
    list,
    'Pass for example [createLfq({ dim: 8 }), createLfq({ dim: 8, codebookScale: 0.5 })].',
  );
  for (const [j, member] of list.entries()) {
    const holds = typeof member === 'object' && member !== null && typeof member.quantize === 'function';
    requireOption(holds, where, `${argument}[${j}]`, 'a quantizer', member, 'Make one, for example with createLfq(…).');
  }
  const columns = [0];
  for (const { numCodebooks } of list) columns.push((columns.at(-1) as number) + numCodebooks);
  const distinct = [...new Set(list)];
  let known: string[][] | undefined;
  let indexRanks: number[] | undefined;
  /** A quantizer says the names of its losses only in a call, which needs an engine: asked when first needed. */
  const names = (): string[][] => {
    known ??= list.map((member) => Object.keys(tidy(() => member.quantize(zeros([0, member.dim])).losses)));
    return known;
  };
  /** A member that is itself a composition gives totals, and names with a dot for the parts of them. */
  const totals = (): string[] => [...new Set(names().flat())].filter((name) => !name.includes('.'));

  return {
    list,
    dims: list.map(({ dim }) => dim),
    columns,
    numCodebooks: columns.at(-1) as number,
    codebookSize: Math.max(...list.map(({ codebookSize }) => codebookSize)),
    fromRows(rows, j) {
      indexRanks ??= list.map((member) => tidy(() => member.encode(zeros([0, member.dim])).rank));
      if (indexRanks[j] === 1) return reshape(rows, [-1]);
      return rows.shape[0] === 1 ? reshape(rows, [-1, 1]) : transpose(rows);
    },
    lossNames: () => [...totals(), ...names().flatMap((own, j) => own.map((name) => `${word}${j}.${name}`))],
    combine(losses) {
      const combined: Record<string, Scalar> = {};
      for (const name of totals()) {
        combined[name] = sumOf(losses.map((own) => own?.[name]));
      }
      for (const [j, own] of names().entries()) {
        for (const name of own) combined[`${word}${j}.${name}`] = losses[j]?.[name] ?? scalar(0);
      }
      return combined;
    },
    reseed(rng) {
      for (const [i, member] of distinct.entries()) member.rng.restore(rng.fork(`${word}${i}`).state());
      rng.uint32();
    },
  };
}

/** The sum of those that there are. */
export function sumOf(parts: readonly (Scalar | undefined)[]): Scalar {
  const present = parts.filter((part) => part !== undefined);
  return (
    present.reduce<Scalar | undefined>((sum, part) => (sum === undefined ? part : add(sum, part)), undefined) ??
    scalar(0)
  );
}
