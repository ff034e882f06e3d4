import { OptionError } from '@vqkit/core-tensor/errors';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkOptions, count, counted, field, inGroup, nearestName, problemOf } from '../src/index.ts';

const schema = z.strictObject({
  ...inGroup('Training', { steps: field(count(1), 'Training steps.', 10) }),
  engine: field(z.enum(['wasm', 'cpu']), 'Which engine.'),
});

describe('checkOptions', () => {
  it('gives what the schema has', () => {
    expect(checkOptions(schema, { steps: 3 }, 'f')).toEqual({ steps: 3 });
  });

  it.each([
    [{ steps: 0 }, 'f: steps must be >= 1, got 0. Change it or leave it out for the default.'],
    [{ steps: '3' }, 'f: steps must be a number, got "3". Write it without quotes.'],
    [{ engine: 'gpu' }, 'f: engine must be one of "wasm", "cpu", got "gpu".'],
    [{ stpes: 3 }, "f: options must have no 'stpes', got 3. Did you mean 'steps'?"],
  ])('refuses %j by option, rule and value', (options, message) => {
    expect(() => checkOptions(schema, options, 'f')).toThrow(OptionError);
    expect(() => checkOptions(schema, options, 'f')).toThrow(message);
  });

  it('describes itself for a help', () => {
    expect(z.toJSONSchema(schema).properties).toMatchObject({
      steps: { description: 'Training steps.', default: 10, group: 'Training', minimum: 1 },
      engine: { enum: ['wasm', 'cpu'] },
    });
  });
});

it('says of a note what is wrong with it', () => {
  const value = { steps: 1.5 };
  const { error } = schema.safeParse(value);
  expect(error && problemOf(error, value)).toEqual({ path: 'steps', rule: 'be an integer', value: 1.5 });
});

it('finds the nearest name, or none', () => {
  expect(nearestName('qunatizer', ['seed', 'quantizer'])).toBe('quantizer');
  expect(nearestName('zzzzzz', ['seed', 'quantizer'])).toBeUndefined();
});

it('counts one as one', () => {
  expect([counted(1, 'file'), counted(2, 'file')]).toEqual(['1 file', '2 files']);
});
