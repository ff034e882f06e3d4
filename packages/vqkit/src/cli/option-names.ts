import type { Command } from 'commander';
import { quantizerOptionNames } from './quantizer-flags.ts';

/**
 * How the options that errors speak of are typed: `validationSize` as `--validation-size`, and LFQ's `entropyLossWeight` as `--entropy-weight`
 * where that was given. What was given by `--set` keeps the name that was typed there.
 */
export function typedNames(command: Command): Map<string, string> {
  const given = command.opts<{ readonly set?: readonly string[] }>();
  const flags = command.options.filter(({ long, negate }) => !negate && long !== '--set');
  const names = new Map(flags.map((option) => [option.attributeName(), option.long ?? '']));
  for (const [name, flag] of quantizerOptionNames(given)) names.set(name, flag);
  for (const assignment of given.set ?? []) {
    for (const part of assignment.replace(/=.*/s, '').split('.')) names.delete(part);
  }
  return names;
}

/**
 * A message with its options as they were typed. Names of one word, such as `steps`, are words too: they count as options only where a
 * message says what must hold for them, in a list of options, and before a quoted value.
 */
export function withTypedNames(message: string, names: ReadonlyMap<string, string>): string {
  // What a file says is named as in the file.
  if (names.size === 0 || /^\w+: \S+\.json: /.test(message)) return message;
  const flag = (name: string): string => names.get(name) ?? name;
  const known = [...names.keys()].sort((a, b) => b.length - a.length);
  const any = `(?:${known.join('|')})`;
  const list = `${any}(?:(?:, | and | or |, or )${any})+`;
  const camel = known.filter((name) => /[A-Z]/.test(name));
  const each = new RegExp(`\\b${any}\\b`, 'g');
  const rename = (text: string): string => text.replace(each, flag);
  const subject = new RegExp(`^(\\w+: )(${list}|${any})(?=(?:\\[\\d+\\])? must )`);
  const option = new RegExp(
    [list, `${any}(?= '[\\w-]+')`, ...(camel.length === 0 ? [] : [`(?:${camel.join('|')})`])]
      .map((part) => `(?<![\\w./-])${part}(?![\\w/-]|\\.\\w)`)
      .join('|'),
    'g',
  );
  // Values in double quotes are the user's own words.
  return message
    .split(/("(?:[^"\\]|\\.)*")/)
    .map((part, i) =>
      i % 2 === 1
        ? part
        : part.replace(subject, (_, where: string, named: string) => where + rename(named)).replace(option, rename),
    )
    .join('');
}
