import { isDeepStrictEqual } from 'node:util';
import { CheckpointError, parseJson } from '@vqkit/checkpoint';
import { OptionError, phrase, shorten, show } from '@vqkit/core-tensor';
import type { DataNotes } from '@vqkit/data/node';
import type { TokenizerConfig } from '@vqkit/tokenizer';
import type { SharedConfig, TrainConfig } from './train-options.ts';

/** Options that a resumed run may change (the data may have moved); all others decide what is computed. */
export const CHANGEABLE: readonly (keyof SharedConfig | 'workers')[] = [
  'dataPath',
  'steps',
  'log',
  'logEvery',
  'validateEvery',
  'checkpointEvery',
  'keepCheckpoints',
  'engine',
  'threads',
  'workers',
];

/** What stands in a configuration beside that and decides nothing: the options that a preset stands for are all written out. */
const LABELS: readonly (keyof SharedConfig)[] = ['preset', 'outDir'];

/**
 * What the checkpoints of a run say of it, each as JSON: the tokenizer, every option that decides what is computed, and the examples. A resumed
 * run must have the same.
 */
export function runNotes(config: TrainConfig, tokenizer: TokenizerConfig, data: DataNotes): Record<string, string> {
  const omitted: readonly string[] = [...CHANGEABLE, ...LABELS];
  const deciding = Object.entries(config).filter(([name]) => !omitted.includes(name));
  // In one order, so that equal states give equal bytes.
  deciding.sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    model: JSON.stringify(tokenizer),
    config: JSON.stringify(Object.fromEntries(deciding)),
    data: JSON.stringify(data),
  };
}

/**
 * Throws unless a checkpoint is of the run that `notes` describe.
 *
 * @param source names the examples in errors, such as their folder.
 * @param noun what an example is called.
 * @throws CheckpointError when it does not say of which run it is; OptionError naming the option that was changed in config.json, or
 * the examples that are others.
 */
export function requireSameRun(
  path: string,
  metadata: Readonly<Record<string, string>>,
  notes: Readonly<Record<string, string>>,
  source: string,
  noun: string,
): void {
  const changed = firstDifference('', noteOf(path, metadata, 'config'), JSON.parse(notes.config ?? '{}'));
  if (changed !== undefined) {
    const { name, before, now } = changed;
    throw new OptionError(
      'resumeTraining',
      `${shorten(name)} in config.json`,
      `be what the run was begun with, ${show(before)}`,
      now,
      'Put it back, or start a new run.',
    );
  }
  const before = noteOf(path, metadata, 'data');
  if (!isDataNotes(before)) throw withoutRun(path, 'data', metadata);
  const now = JSON.parse(notes.data ?? '{}') as DataNotes;
  if (isDeepStrictEqual(before, now)) return;
  throw new OptionError(
    'resumeTraining',
    `the ${noun}s`,
    `be those that the run was begun with, ${examples(before, noun)}`,
    phrase(`${examples(now, noun)} in ${source}`, examples(now, noun)),
    'Restore them, pass dataPath if they have moved, or start a new run.',
  );
}

function noteOf(path: string, metadata: Readonly<Record<string, string>>, name: string): unknown {
  return parseJson(metadata[name] ?? '', () => withoutRun(path, name, metadata));
}

function withoutRun(path: string, name: string, metadata: Readonly<Record<string, string>>): CheckpointError {
  return new CheckpointError(
    'resumeTraining',
    path,
    'say of which run it is',
    phrase(`${name} ${show(metadata[name])}`, metadata[name]),
    'Start a new run.',
  );
}

function isDataNotes(value: unknown): value is DataNotes {
  if (!isRecord(value) || typeof value.sha256 !== 'string') return false;
  return [value.train, value.validation, value.test].every(Number.isSafeInteger);
}

function examples({ train, validation, test, sha256 }: DataNotes, noun: string): string {
  return `${train} training, ${validation} validation and ${test} test ${noun}s of SHA-256 ${sha256.slice(0, 12)}…`;
}

/** Where two values of JSON first differ, such as `quantizerOptions.levels[2]`. What only the second has is not asked for. */
export function firstDifference(
  name: string,
  before: unknown,
  now: unknown,
): { name: string; before: unknown; now: unknown } | undefined {
  if (isDeepStrictEqual(before, now)) return undefined;
  const inner = (key: string | number): string =>
    typeof key === 'number' ? `${name}[${key}]` : name === '' ? key : `${name}.${key}`;
  if (Array.isArray(before) && Array.isArray(now) && before.length === now.length) {
    const i = before.findIndex((value, at) => !isDeepStrictEqual(value, now[at]));
    return firstDifference(inner(i), before[i], now[i]);
  }
  if (isRecord(before) && isRecord(now)) {
    for (const key of Object.keys(before)) {
      const found = firstDifference(inner(key), before[key], now[key]);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return { name, before, now };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
