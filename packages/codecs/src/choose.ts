import { OptionError, phrase, shorten } from '@vqkit/core-tensor/errors';
import { type Match, matchesOf, WHERE } from './extract.ts';
import type { CodecModel } from './models/model.ts';
import type { Weights } from './read/weights.ts';

/** The one quantizer of a file that is of one of these models. */
export function choose(
  weights: Weights,
  models: readonly CodecModel[],
  named: boolean,
  prefix: string | undefined,
): Match {
  const matches = models
    .flatMap((model) => matchesOf(weights, model))
    .filter((match) => (prefix ?? match.prefix) === match.prefix);
  const whole = matches.filter(({ missing }) => missing.length === 0);
  const certain = whole.filter(({ model }) => named || model.mustBeNamed !== true);
  const [found] = certain;
  if (found !== undefined && certain.length === 1) return found;
  const wanted = models.length === 1 ? `the quantizer of ${models[0]?.name}` : 'a quantizer that is known';
  const fail = (rule: string, got: string, fix: string): never => {
    throw new OptionError(WHERE, weights.name, `hold ${rule}`, phrase(got), fix);
  };
  const list = (some: readonly Match[]): string => {
    const shown = some.slice(0, 4).map(({ model, prefix }) => `${model.name} at '${shorten(prefix)}'`);
    return shown.join(', ') + (some.length > 4 ? ` and ${some.length - 4} more` : '');
  };
  if (certain.length > 1) return fail('one quantizer', list(certain), 'Pass { prefix } or { model }.');
  if (whole.length > 0) {
    const fix = 'Models of other mathematics have the same keys: pass { model } if it is this one.';
    return fail('keys that tell its model', list(whole), fix);
  }
  const nearest = matches.reduce<Match | undefined>(
    (best, match) => (best === undefined || match.missing.length < best.missing.length ? match : best),
    undefined,
  );
  const lacks = nearest?.missing.map((key) => `'${shorten(nearest.prefix + key)}'`).join(', ');
  const got =
    nearest === undefined
      ? `${weights.tensors.size} tensors of other names`
      : `the nearest, ${list([nearest])}, without ${lacks}`;
  return fail(wanted, got, 'See openWeights(…).tensors for its keys.');
}
