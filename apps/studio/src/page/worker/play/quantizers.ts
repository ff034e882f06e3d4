import type { Quantizer } from '@vqkit/core-tensor';
import { QUANTIZER_FLAGS, QUANTIZERS, type QuantizerEntry } from '@vqkit/quantizers';
import type { OptionValue, PlayControl, PlayQuantizer, PlaySettings } from './settings.ts';

/** Codes that can be told apart in a drawing. */
const MOST_CODES = 256;

/** What is offered of an option, by its flag or its name. */
const OFFERED: Readonly<Record<string, { readonly title?: string; readonly min?: number; readonly max?: number }>> = {
  levels: { min: 2, max: 16 },
  codebookSize: { min: 1, max: MOST_CODES },
  commitmentWeight: { max: 1000 },
  inputToQuantizeCommitLossWeight: { title: 'β, the half of that loss that moves latents to codes', max: 1000 },
  unitNormLossWeight: { title: 'Weight of mean((z² - 1)²)', max: 1000 },
  entropyWeight: { max: 1000 },
  invTemperature: { min: 0.01, max: 1000 },
  spherical: {},
  rotation: {},
};

/** Every quantizer of one layer, with the options that a drawing in two dimensions can show. */
export function playQuantizers(): PlayQuantizer[] {
  return Object.values(QUANTIZERS)
    .filter(({ layer }) => layer === undefined)
    .map((entry) => {
      const made = entry.create(options(entry, {}));
      const config = made.config as Readonly<Record<string, unknown>>;
      made.dispose();
      return { name: entry.name, title: entry.title, controls: controlsOf(entry, config) };
    });
}

function controlsOf({ flags }: QuantizerEntry, config: Readonly<Record<string, unknown>>): PlayControl[] {
  const flagOf = new Map(Object.entries(flags).map(([flag, option]) => [option, flag]));
  return Object.entries(config).flatMap(([option, value]): PlayControl[] => {
    const flag = flagOf.get(option) ?? option;
    const offered = OFFERED[flag];
    const known = typeof value === 'number' || typeof value === 'boolean' || Array.isArray(value);
    if (offered === undefined || !known) return [];
    const described = QUANTIZER_FLAGS[flag as keyof typeof QUANTIZER_FLAGS];
    const { title = described?.description.replace(/\.$/, '') ?? option, min = 0, max = 1 } = offered;
    const isInteger = described?.type === 'integer' || described?.type === 'array';
    return [{ option, title, value: value as OptionValue, min, max, isInteger }];
  });
}

/** The quantizer of the settings, in two dimensions. */
export function createPlayQuantizer({ quantizer: name, options: given, seed }: PlaySettings): Quantizer {
  const entry = Object.values(QUANTIZERS).find((each) => each.name === name);
  if (entry === undefined) throw new Error(`There is no quantizer ${name}.`);
  const quantizer = entry.create({ ...options(entry, given), seed });
  const { dim, numCodebooks, codebookSize } = quantizer;
  if (dim === 2 && numCodebooks === 1 && codebookSize <= MOST_CODES) return quantizer;
  quantizer.dispose();
  throw new Error(
    `Play draws one codebook of two dimensions and at most ${MOST_CODES} codes, these options make ${numCodebooks} of ${dim} dimensions and ${codebookSize} codes. Choose others.`,
  );
}

/** Of the recipe, in two dimensions: a quantizer whose width follows from its codes gets codes for two. */
function options(entry: QuantizerEntry, given: object): object {
  const { flags, ownWidth } = entry;
  const inTwo = {
    ...(flags.levels === undefined ? {} : { [flags.levels]: [5, 5] }),
    ...(flags.codebookSize === undefined ? {} : { [flags.codebookSize]: ownWidth ? 4 : 32 }),
  };
  return { ...entry.recipe(2), ...inTwo, ...given };
}
