import { Command, InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { quantizerFlags, quantizerOptionsOf } from '../src/cli/quantizer-flags.ts';

/** What commander makes of the arguments. */
function parse(...args: string[]): Record<string, unknown> {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  command.option('--resume <folder>');
  for (const { options } of quantizerFlags()) for (const option of options) command.addOption(option);
  return command.parse(args, { from: 'user' }).opts();
}

describe('quantizerOptionsOf', () => {
  it.each([
    ['fsq', ['--levels', '8,6,5', '--dim', '4'], { levels: [8, 6, 5], dim: 4 }],
    ['fsq', ['--bound', 'official'], { bound: 'official' }],
    [
      'lfq',
      ['--codebook-size', '64', '--entropy-weight', '0.1', '--commitment-weight', '0.2', '--inv-temperature', '10'],
      { codebookSize: 64, entropyLossWeight: 0.1, commitmentLossWeight: 0.2, invTemperature: 10 },
    ],
    ['lfq', ['--spherical'], { spherical: true }],
    ['residual-lfq', ['--bit-order', 'lsbFirst'], { bitOrder: 'lsbFirst' }],
    ['lfq', ['--no-spherical'], { spherical: false }],
    ['simvq', ['--commitment-weight', '2', '--rotation'], { commitmentWeight: 2, rotationTrick: true }],
    ['vq', ['--codebook-size', '9', '--no-rotation'], { codebookSize: 9, rotationTrick: false }],
    ['residual-fsq', ['--levels', '5,5'], { levels: [5, 5] }],
    ['residual-lfq', ['--entropy-weight', '0'], { entropyLossWeight: 0 }],
    ['lfq', [], {}],
  ])('gives %s its own names for %j', (quantizer, args, options) => {
    expect(quantizerOptionsOf(quantizer, parse(...args))).toEqual(options);
  });

  it('refuses what the quantizer has not', () => {
    expect(() => quantizerOptionsOf('fsq', parse('--spherical'))).toThrow(InvalidArgumentError);
    expect(() => quantizerOptionsOf('residual-fsq', parse('--codebook-size', '9'))).toThrow(
      "option '--codebook-size' must go with a quantizer that has it (lfq, simvq, vq), got residual-fsq. It has --levels, --dim;",
    );
  });

  it('refuses what a stack of it has not', () => {
    expect(() => quantizerOptionsOf('residual-fsq', parse('--bound', 'official'))).toThrow(
      "option '--bound' must go with a quantizer that has it (fsq), got residual-fsq. It has --levels, --dim;",
    );
    expect(() => parse('--bound', 'tanh')).toThrow('It must be one of reference, official, s3Tokenizer, hardClamp.');
  });

  it('leaves the quantizer of a resumed run alone', () => {
    expect(() => parse('--resume', 'runs/a', '--dim', '4')).toThrow(/cannot be used with option '--resume/);
  });
});
