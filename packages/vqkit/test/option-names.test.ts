import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { typedNames, withTypedNames } from '../src/cli/option-names.ts';

const names = new Map([
  ['validationSize', '--validation-size'],
  ['testSize', '--test-size'],
  ['dataPath', '--data-path'],
  ['data', '--data'],
  ['steps', '--steps'],
  ['engine', '--engine'],
]);

describe('withTypedNames', () => {
  it.each([
    [
      'f: steps must be >= the 5 steps done, got 4. Pass more steps.',
      'f: --steps must be >= the 5 steps done, got 4. Pass more steps.',
    ],
    ['f: validationSize and testSize must leave images.', 'f: --validation-size and --test-size must leave images.'],
    [
      "f: dataPath must be given for data 'idx'. Check dataPath.",
      "f: --data-path must be given for --data 'idx'. Check --data-path.",
    ],
    ["f: x must run. Or pass engine 'auto'.", "f: x must run. Or pass --engine 'auto'."],
    [
      'f: seed must stay 1. Change only dataPath, steps, engine.',
      'f: seed must stay 1. Change only --data-path, --steps, --engine.',
    ],
    [
      'f: data must be a list, got "dataPath". Leave it out.',
      'f: --data must be a list, got "dataPath". Leave it out.',
    ],
    ['f: runs/a/config.json: steps must be >= 1, got 0.', 'f: runs/a/config.json: steps must be >= 1, got 0.'],
    ['f: photos/dataPath/x must be a folder of data.', 'f: photos/dataPath/x must be a folder of data.'],
  ])('%s', (message, expected) => {
    expect(withTypedNames(message, names)).toBe(expected);
  });

  it('changes nothing without options', () => {
    expect(withTypedNames('f: steps must be >= 1.', new Map())).toBe('f: steps must be >= 1.');
  });
});

describe('typedNames', () => {
  it('are the flags of a command, those of a quantizer under its own names, but not what --set named', () => {
    const command = new Command()
      .option('--batch-size <n>')
      .option('--steps <n>')
      .option('--no-clamp')
      .option('--clamp');
    command.option('--set <x>', '', (text: string, before: string[] = []) => [...before, text]);
    command.option('--entropy-weight <n>').parse(['--entropy-weight', '1', '--set', 'steps=0'], { from: 'user' });
    expect(Object.fromEntries(typedNames(command))).toEqual({
      batchSize: '--batch-size',
      clamp: '--clamp',
      entropyWeight: '--entropy-weight',
      entropyLossWeight: '--entropy-weight',
    });
  });
});
