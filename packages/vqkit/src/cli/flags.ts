import { InvalidArgumentError, Option } from 'commander';

/** The part of a JSON Schema that a flag is made of. */
interface Property {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly { readonly const?: unknown; readonly type?: string }[];
  readonly description?: string;
  readonly default?: unknown;
  /** The heading that the flag stands under in a help. */
  readonly group?: string;
}

const LONGEST_PLACEHOLDER = 16;

/** An option of a configuration as flags: two for a boolean, one for everything else. */
export interface Flags {
  /** The option's name, such as `batchSize`; commander gives the value under the same name. */
  readonly name: string;
  readonly options: readonly Option[];
}

/**
 * One flag per property of a JSON Schema: `batchSize`, an integer, becomes `--batch-size <integer>`. Defaults are shown in the
 * help and left to the configuration, so that a value is given only when the user gave it.
 */
export function flagsOf(schema: object): Flags[] {
  const { properties = {} } = schema as { properties?: Readonly<Record<string, Property>> };
  return Object.entries(properties).map(([name, property]) => {
    const flag = flagOf(name);
    const options = property.type === 'boolean' ? switchOptions(flag, property) : [valueOption(flag, property)];
    if (property.group !== undefined) for (const option of options) option.helpGroup(`${property.group}:`);
    return { name, options };
  });
}

/** `batchSize` as `--batch-size`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function switchOptions(flag: string, property: Property): Option[] {
  const opposite = flag.replace('--', '--no-');
  return [new Option(flag, describe(property)), new Option(opposite, `The opposite of ${flag}.`)];
}

function valueOption(flag: string, property: Property): Option {
  const value = placeholder(property);
  const { enum: choices = [], description = '' } = property;
  const named = choices.every((choice) => description.includes(`'${choice}'`));
  // A long list in the first column would leave no room for the descriptions.
  const option =
    value.length > LONGEST_PLACEHOLDER
      ? new Option(`${flag} <name>`, describe(property, named ? '' : ` One of ${choices.join(', ')}.`))
      : new Option(`${flag} <${value}>`, describe(property));
  return option.argParser((text) => parseValue(property, text));
}

function describe({ description = '', default: value }: Property, choices = ''): string {
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  return `${description}${choices}${value === undefined ? '' : ` (default: ${shown})`}`;
}

/**
 * The flags as options: `--set quantizerOptions.levels=[8,5,5]` sets the inner value, over `options`.
 * @param assignments what follows each `--set`, in order.
 */
export function withAssignments(
  options: Readonly<Record<string, unknown>>,
  assignments: readonly string[],
): Record<string, unknown> {
  return assignments.reduce<Record<string, unknown>>((result, assignment) => {
    const [, path, text] = /^([^=]+)=(.*)$/s.exec(assignment) ?? [];
    if (path === undefined || text === undefined) {
      throw new InvalidArgumentError(
        `option '--set <name=value>' must have a name and a value, got '${assignment}'. Write for example --set quantizerOptions.levels=[8,5,5].`,
      );
    }
    return assign(result, path.split('.'), jsonOr(text, text)) as Record<string, unknown>;
  }, options);
}

function assign(into: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const object = typeof into === 'object' && into !== null && !Array.isArray(into) ? into : {};
  const inner = Object.hasOwn(object, key) ? (object as Record<string, unknown>)[key] : undefined;
  return { ...object, [key]: assign(inner, rest, value) };
}

function placeholder({ type, anyOf, enum: choices }: Property): string {
  if (choices !== undefined) return choices.join('|');
  if (anyOf !== undefined) {
    return anyOf.map((choice) => String(choice.const ?? (choice.type === 'array' ? 'a,b' : choice.type))).join('|');
  }
  if (type === 'array') return 'a,b,…';
  if (type === 'object') return 'json';
  return type === 'string' ? 'text' : (type ?? 'value');
}

/** The value of a flag. Rules such as `>= 1` are left to the configuration, which names them once for flags and files. */
function parseValue({ type, anyOf, enum: choices }: Property, text: string): unknown {
  if (choices !== undefined) return choices.includes(text) ? text : fail(`one of ${choices.join(', ')}`, choices[0]);
  if (type === 'string' || anyOf?.some((choice) => choice.const === text)) return text;
  if (type === 'object') return jsonOr(text, () => fail('JSON', `'{"levels":[8,5,5]}'`));
  if (type === 'array' || (text.includes(',') && anyOf?.some((choice) => choice.type === 'array'))) {
    return text.startsWith('[') ? jsonOr(text, () => fail('a list', '16,32')) : text.split(',').map(toNumber);
  }
  return type === undefined && anyOf === undefined ? jsonOr(text, text) : toNumber(text);
}

function toNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : fail('a number', '16');
}

function jsonOr(text: string, otherwise: unknown): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return typeof otherwise === 'function' ? otherwise() : otherwise;
  }
}

function fail(rule: string, example = ''): never {
  throw new InvalidArgumentError(`It must be ${rule}. Write for example ${example}.`);
}
