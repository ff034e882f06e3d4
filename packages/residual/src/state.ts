import { dispose, type Tensor } from '@tensorflow/tfjs-core';
import {
  createParameterSet,
  type Parameter,
  type ParameterSet,
  phrase,
  type Quantizer,
  QuantizerError,
  requireOption,
  show,
  type TrainingState,
} from '@vqkit/core-tensor';

/** The state of a composition, as {@link createQuantizer} takes it. */
export interface NestedState {
  readonly parameters: ParameterSet;
  readonly trainingState: TrainingState;
}

/**
 * The state of a composition: its own parameters, and what its members have under `layers.0.` and so on, as in PyTorch. A member that
 * stands several times in the list has its state once, under its first place; the others' copies, which the reference library
 * stores, are accepted and ignored on load.
 *
 * @param where name of the constructor, for errors.
 * @param own the composition's own parameters; owned by the set, as the members are.
 * @param prefix `layers`, `groups` or `rvqs`.
 */
export function createNestedState(
  where: string,
  own: readonly Parameter[],
  prefix: string,
  list: readonly Quantizer[],
): NestedState {
  const ownSet = createParameterSet(where, own);
  const members = [...new Set(list)];
  const keyOf = (member: Quantizer): string => `${prefix}.${list.indexOf(member)}.`;
  const known = list.map((_, j) => `${prefix}.${j}.`);
  const ofMembers = <T>(get: (member: Quantizer) => Record<string, T>): Record<string, T> =>
    Object.fromEntries(
      members.flatMap((member) =>
        Object.entries(get(member)).map(([name, value]): [string, T] => [keyOf(member) + name, value]),
      ),
    );

  /** Gives each member its part, and `mine` the rest; when anything is wrong, what was given before that goes back. */
  const load = (
    call: 'loadStateDict' | 'loadTrainingState',
    tensors: Readonly<Record<string, Tensor>>,
    mine: (rest: Record<string, Tensor>) => void,
  ): void => {
    const name = `${where}().${call}`;
    const isObject = typeof tensors === 'object' && tensors !== null;
    requireOption(isObject, name, 'tensors', 'an object of tensors by name', tensors, 'Pass what the quantizer gave.');
    const rest = Object.entries(tensors).filter(([key]) => !known.some((start) => key.startsWith(start)));
    const before = members.map((member) => ({ state: member.stateDict(), training: member.trainingState() }));
    try {
      for (const member of members)
        within(`${name}: in '${keyOf(member)}*'`, () => member[call](part(tensors, keyOf(member))));
      const expected = call === 'loadStateDict' ? own.map((parameter) => parameter.name) : [];
      const unknown = rest.map(([key]) => key).filter((key) => !expected.includes(key));
      requireOption(
        unknown.length === 0,
        name,
        'tensors',
        `an object with no keys but ${show([...expected, ...known.map((start) => `${start}*`)])}`,
        Object.keys(tensors),
        `Missing [], unknown ${show(unknown)}: load the state of a quantizer of the same configuration.`,
      );
      mine(Object.fromEntries(rest));
    } catch (error) {
      for (const [i, { state, training }] of before.entries()) {
        members[i]?.loadStateDict(state);
        members[i]?.loadTrainingState(training);
      }
      throw error;
    } finally {
      for (const { state, training } of before) dispose([state, training]);
    }
  };

  return {
    parameters: {
      variables: () => ({ ...ownSet.variables(), ...ofMembers((member) => member.variables()) }),
      stateDict: () => ({ ...ownSet.stateDict(), ...ofMembers((member) => member.stateDict()) }),
      loadStateDict: (tensors) => load('loadStateDict', tensors, (rest) => ownSet.loadStateDict(rest)),
      dispose() {
        ownSet.dispose();
        for (const member of members) member.dispose();
      },
    },
    trainingState: {
      get: () => ofMembers((member) => member.trainingState()),
      set: (tensors) => load('loadTrainingState', tensors, () => undefined),
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
    const { argument, rule, value, got, fix } = error;
    const Same = error.constructor as typeof QuantizerError;
    throw new Same(`${place}: ${error.where}`, argument, rule, phrase(got, value), fix);
  }
}
