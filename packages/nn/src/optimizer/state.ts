import { type Tensor, util } from '@tensorflow/tfjs-core';
import { OptionError, ShapeError, shorten, show } from '@vqkit/core-tensor';

/** Throws OptionError or ShapeError unless `state` has a tensor of the same name and shape for each of `held`, and no others. */
export function requireStateOf(
  where: string,
  state: Readonly<Record<string, Tensor>>,
  held: Readonly<Record<string, Tensor>>,
): void {
  requireKeys(where, 'state', state, Object.keys(held));
  for (const [key, own] of Object.entries(held)) {
    const { shape } = state[key] as Tensor;
    if (util.arraysEqual(shape, own.shape)) continue;
    throw new ShapeError(
      where,
      `'${key}'`,
      `have shape ${show(own.shape)}`,
      shape,
      'Pass the state of the same model.',
    );
  }
}

/** Throws OptionError unless `given` has these keys and no others. */
export function requireKeys(
  where: string,
  argument: string,
  given: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): void {
  const missing = keys.find((key) => !Object.hasOwn(given, key));
  const unknown = Object.keys(given).find((key) => !keys.includes(key));
  if (missing === undefined && unknown === undefined) return;
  const rule = missing === undefined ? `not hold '${shorten(unknown ?? '')}'` : `hold '${missing}'`;
  throw new OptionError(
    where,
    argument,
    rule,
    Object.keys(given),
    `Pass what ${argument}() gave for the same variables.`,
  );
}
