import { Command, CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { flagsOf, withAssignments } from '../src/cli/flags.ts';

const schema = {
  properties: {
    batchSize: { type: 'integer', description: 'Images per step.', default: 256 },
    rate: { type: 'number', description: 'How fast.' },
    clampOutput: { type: 'boolean', description: 'Clamps.', default: false },
    widths: { type: 'array', description: 'Channels.' },
    options: { type: 'object', description: 'Inner options.' },
    kind: { type: 'string', enum: ['lfq', 'fsq'], description: 'Which.' },
    channels: { anyOf: [{ const: 1 }, { const: 3 }], description: 'Grey or RGB.' },
    size: { anyOf: [{ type: 'integer' }, { type: 'array' }], description: 'One number or two.' },
    outDir: { type: 'string', description: 'Where.' },
  },
};

/** What commander makes of arguments with the flags of the schema. */
function parse(...args: string[]): Record<string, unknown> {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  for (const { options } of flagsOf(schema)) for (const option of options) command.addOption(option);
  return command.parse(args, { from: 'user' }).opts();
}

describe('flagsOf', () => {
  it('gives nothing that was not asked for', () => {
    expect(parse()).toEqual({});
  });

  it.each([
    [['--batch-size', '64'], { batchSize: 64 }],
    [['--rate', '3e-4'], { rate: 3e-4 }],
    [['--rate=-1'], { rate: -1 }],
    [['--clamp-output'], { clampOutput: true }],
    [['--no-clamp-output'], { clampOutput: false }],
    [['--widths', '16,32'], { widths: [16, 32] }],
    [['--widths', '[16, 32]'], { widths: [16, 32] }],
    [['--options', '{"a":[1]}'], { options: { a: [1] } }],
    [['--kind', 'fsq'], { kind: 'fsq' }],
    [['--channels', '3'], { channels: 3 }],
    [['--size', '64'], { size: 64 }],
    [['--size', '48,64'], { size: [48, 64] }],
    [['--out-dir', '12'], { outDir: '12' }],
  ])('reads %j', (args, expected) => {
    expect(parse(...args)).toEqual(expected);
  });

  it.each([
    [['--batch-size', 'many'], /--batch-size <integer>' argument 'many' is invalid. It must be a number/],
    [['--batch-size', ''], /argument '' is invalid. It must be a number/],
    [['--rate', 'NaN'], /It must be a number/],
    [['--widths', '16,x'], /It must be a number/],
    [['--widths', '[16'], /It must be a list. Write for example 16,32/],
    [['--options', 'a=1'], /It must be JSON/],
    [['--kind', 'vq'], /It must be one of lfq, fsq/],
    [['--channels', 'rgb'], /It must be a number/],
  ])('refuses %j', (args, message) => {
    expect(() => parse(...args)).toThrow(CommanderError);
    expect(() => parse(...args)).toThrow(message);
  });

  it('describes every option with its default', () => {
    const shown = flagsOf(schema).flatMap(({ options }) => options.map((o) => `${o.flags}: ${o.description}`));
    expect(shown.slice(0, 4)).toEqual([
      '--batch-size <integer>: Images per step. (default: 256)',
      '--rate <number>: How fast.',
      '--clamp-output: Clamps. (default: false)',
      '--no-clamp-output: The opposite of --clamp-output.',
    ]);
  });
});

describe('withAssignments', () => {
  it('sets options by name, inner ones too, over what is there', () => {
    const given = { steps: 5, quantizerOptions: { levels: [8, 8], seed: 1 } };
    const assignments = [
      'quantizerOptions.levels=[5,5]',
      'quantizerOptions.x.y=true',
      'steps=7',
      'outDir=a=b',
      'data={',
    ];
    expect(withAssignments(given, assignments)).toEqual({
      steps: 7,
      outDir: 'a=b',
      data: '{',
      quantizerOptions: { levels: [5, 5], seed: 1, x: { y: true } },
    });
    expect(given.steps).toBe(5);
  });

  it('cannot reach the prototype of an object', () => {
    const result = withAssignments({}, ['__proto__.polluted=1', 'constructor.prototype.polluted=1']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(Object.keys(result)).toEqual(['__proto__', 'constructor']);
  });

  it.each(['steps', '=5', ''])('refuses %j', (assignment) => {
    expect(() => withAssignments({}, [assignment])).toThrow(/must have a name and a value, got/);
  });
});
