import {
  NORMS,
  type OptionValue,
  type PlayControl,
  type PlayQuantizer,
  type PlaySettings,
  STREAMS,
} from '../worker/play/settings.ts';

/** A number that a control takes. */
export interface Range {
  readonly min: number;
  readonly max: number;
  readonly isInteger: boolean;
}

export const LEARNING_RATE: Range = { min: 1e-5, max: 1, isInteger: false };
export const SEED: Range = { min: 0, max: 2 ** 32 - 1, isInteger: true };

/** Settings from an address: what is no setting, or out of its range, is left at its default. */
export function settingsFrom(given: URLSearchParams, quantizers: readonly PlayQuantizer[]): PlaySettings {
  const quantizer = quantizers.find(({ name }) => name === given.get('quantizer')) ?? (quantizers[0] as PlayQuantizer);
  const options = quantizer.controls.map(({ option, value, ...range }) => {
    return [option, parseOption(given.get(option), value, range) ?? value] as const;
  });
  return {
    quantizer: quantizer.name,
    options: Object.fromEntries(options),
    stream: oneOf(given.get('stream'), STREAMS, 'ring'),
    norm: oneOf(given.get('norm'), NORMS, 'none'),
    learningRate: parseNumber(given.get('learningRate'), LEARNING_RATE) ?? 0.003,
    seed: parseNumber(given.get('seed'), SEED) ?? 1,
  };
}

/** The same as an address, without what is at its default. */
export function addressOf(settings: PlaySettings, quantizers: readonly PlayQuantizer[]): URLSearchParams {
  const { options, ...rest } = settings;
  const { options: defaults, ...others } = settingsFrom(
    new URLSearchParams({ quantizer: settings.quantizer }),
    quantizers,
  );
  const changed = (all: object, usual: object): [string, string][] =>
    Object.entries(all).flatMap(([name, value]) =>
      String(value) === String(usual[name as keyof typeof usual]) ? [] : [[name, String(value)]],
    );
  return new URLSearchParams([
    ['quantizer', settings.quantizer],
    ...changed(rest, others),
    ...changed(options, defaults),
  ]);
}

/** The value that a text gives an option of this kind, if it is one. */
export function parseOption(
  text: string | null,
  like: OptionValue,
  range: Omit<PlayControl, 'option' | 'title' | 'value'> | Range,
): OptionValue | undefined {
  if (text === null) return undefined;
  if (typeof like === 'boolean') return text === 'true' || text === 'false' ? text === 'true' : undefined;
  if (typeof like === 'number') return parseNumber(text, range);
  const numbers = text.split(',').map((part) => parseNumber(part, range));
  return numbers.every((number) => number !== undefined) ? (numbers as number[]) : undefined;
}

export function parseNumber(text: string | null, { min, max, isInteger }: Range): number | undefined {
  if (text === null || text.trim() === '' || text.length > 40) return undefined;
  const value = Number(text);
  return value >= min && value <= max && (!isInteger || Number.isInteger(value)) ? value : undefined;
}

function oneOf<Names extends object, Name extends keyof Names>(
  given: string | null,
  names: Names,
  usual: Name,
): keyof Names {
  return given !== null && Object.hasOwn(names, given) ? (given as keyof Names) : usual;
}
