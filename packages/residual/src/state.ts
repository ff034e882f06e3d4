import { dispose, type Tensor } from '@tensorflow/tfjs-core';
import {
  createParameterSet,
  type Parameter,
  type ParameterSet,
  type Quantizer,
  QuantizerError,
  requireOption,
  show,
} from '@vqkit/core-tensor';

/**
 * The parameters of a composition: its own, and those of its members under `layers.0.` and so on, as in PyTorch. A member that stands
 * several times in the list has its parameters once, under its first place; the others' copies, which the reference library
 * stores, are accepted and ignored on load.
 *
 * @param where name of the constructor, for errors.
 * @param own the composition's own parameters; owned by the set, as the members are.
 * @param prefix `layers`, `groups` or `rvqs`.
 */
export function createNestedParameters(
  where: string,
  own: readonly Parameter[],
  prefix: string,
  list: readonly Quantizer[],
): ParameterSet {
  const ownSet = createParameterSet(where, own);
  const distinct = [...new Set(list)].map((member) => ({ member, key: `${prefix}.${list.indexOf(member)}.` }));
  const copies = list.flatMap((member, j) => (list.indexOf(member) === j ? [] : [`${prefix}.${j}.`]));
  const collect = <T>(mine: Record<string, T>, of: (member: Quantizer) => Record<string, T>): Record<string, T> => {
    const nested = distinct.flatMap(({ member, key }) =>
      Object.entries(of(member)).map(([name, value]): [string, T] => [key + name, value]),
    );
    return { ...mine, ...Object.fromEntries(nested) };
  };

  return {
    variables: () => collect(ownSet.variables(), (member) => member.variables()),
    stateDict: () => collect(ownSet.stateDict(), (member) => member.stateDict()),
    loadStateDict(tensors) {
      const name = `${where}().loadStateDict`;
      const isObject = typeof tensors === 'object' && tensors !== null;
      requireOption(isObject, name, 'tensors', 'an object of tensors by name', tensors, 'Pass what stateDict() gave.');
      const known = [...distinct.map(({ key }) => key), ...copies];
      const mine = Object.entries(tensors).filter(([key]) => !known.some((start) => key.startsWith(start)));
      const before = distinct.map(({ member }) => member.stateDict());
      try {
        for (const { member, key } of distinct)
          within(`${name}: in '${key}*'`, () => member.loadStateDict(part(tensors, key)));
        const expected = own.map((parameter) => parameter.name);
        const unknown = mine.map(([key]) => key).filter((key) => !expected.includes(key));
        requireOption(
          unknown.length === 0,
          name,
          'tensors',
          `an object with no keys but ${show([...expected, ...known.map((start) => `${start}*`)])}`,
          Object.keys(tensors),
          `Missing [], unknown ${show(unknown)}: load the state of a quantizer of the same configuration.`,
        );
        ownSet.loadStateDict(Object.fromEntries(mine));
      } catch (error) {
        // All or nothing: what was loaded before the mistake was found goes back.
        for (const [i, { member }] of distinct.entries()) member.loadStateDict(before[i] as Record<string, Tensor>);
        throw error;
      } finally {
        dispose(before);
      }
    },
    dispose() {
      ownSet.dispose();
      for (const { member } of distinct) member.dispose();
    },
  };
}

function part(tensors: Readonly<Record<string, Tensor>>, key: string): Record<string, Tensor> {
  const found = Object.entries(tensors).filter(([name]) => name.startsWith(key));
  return Object.fromEntries(found.map(([name, value]) => [name.slice(key.length), value]));
}

/** Runs `f`; an error of ours gets the place in front. */
function within(place: string, f: () => void): void {
  try {
    f();
  } catch (error) {
    if (!(error instanceof QuantizerError)) throw error;
    const Same = error.constructor as new (message: string) => QuantizerError;
    throw new Same(`${place}: ${error.message}`);
  }
}
