import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  DataError,
  DisposedError,
  DtypeError,
  OptionError,
  phrase,
  QuantizerError,
  requireInteger,
  ShapeError,
  show,
  UnsupportedError,
} from '../src/index.ts';

describe('the error classes', () => {
  const classes = { DataError, DisposedError, DtypeError, OptionError, ShapeError, UnsupportedError };

  const where = 'createFsq';
  const fix = 'Use 2 or more.';

  it('are QuantizerErrors under their own names', () => {
    for (const [name, ErrorClass] of Object.entries(classes)) {
      const error = new ErrorClass(where, 'levels[2]', 'be an integer >= 2', 1, fix);
      expect(error).toBeInstanceOf(QuantizerError);
      expect(error).toBeInstanceOf(Error);
      expect(error.name).toBe(name);
      const text = `${name}: createFsq: levels[2] must be an integer >= 2, got 1. Use 2 or more.`;
      expect(String(error)).toBe(text);
      expect(inspect(error).split('\n')[0]).toBe(text);
    }
  });

  it('make their message of the fields, and keep these', () => {
    const error = new OptionError(where, 'levels', 'have no 1', [8, 1], fix);
    expect(error.message).toBe('createFsq: levels must have no 1, got [8,1]. Use 2 or more.');
    const fields = { where, argument: 'levels', rule: 'have no 1', value: [8, 1], got: '[8,1]', fix };
    expect({ ...error }).toEqual({ name: 'OptionError', ...fields });
  });

  it('show a value in words where a phrase says it', () => {
    const error = new DataError('readIds', 'ids', 'be >= 0', phrase('-3 in row 7', -3), 'Write them again.');
    expect(error.message).toBe('readIds: ids must be >= 0, got -3 in row 7. Write them again.');
    expect(error.value).toBe(-3);
    expect(new DataError('readIds', 'ids', 'exist', phrase('none'), 'Write them.').value).toBe('none');
  });

  it('show a shape as one and a dtype without quotes', () => {
    const shape = new ShapeError('encode', 'z', 'have rank >= 2', [3], 'Add an axis.');
    expect(shape.message).toBe('encode: z must have rank >= 2, got shape [3]. Add an axis.');
    const dtype = new DtypeError('encode', 'z', 'be float32', 'int32', 'Cast it.');
    expect(dtype.message).toBe('encode: z must be float32, got int32. Cast it.');
    expect([shape.value, dtype.value]).toEqual([[3], 'int32']);
  });

  it('show no more than 80 characters of a value', () => {
    for (const ErrorClass of Object.values(classes)) {
      for (const value of ['x'.repeat(1000), Array(1000).fill(8), { [`${'x'.repeat(1000)}`]: 1 }]) {
        const { message } = new ErrorClass(where, 'levels', 'be short', value, fix);
        expect(message.length).toBeLessThan(150);
      }
    }
  });

  it('have the fields where a check of one argument threw them', () => {
    let found: unknown;
    try {
      requireInteger('createLfq', 'dim', '8', 1, 30);
    } catch (error) {
      found = error;
    }
    expect(found).toMatchObject({
      where: 'createLfq',
      argument: 'dim',
      rule: 'be an integer from 1 to 30',
      value: '8',
      fix: 'Pass an integer from 1 to 30.',
    });
  });

  it('keep the cause', () => {
    const cause = new Error('below');
    expect(new OptionError(where, 'levels', 'be known', 1, fix, { cause }).cause).toBe(cause);
  });
});

describe('show', () => {
  it('tells values apart that look alike', () => {
    const cases: [unknown, string][] = [
      [8, '8'],
      ['8', '"8"'],
      [8n, '8n'],
      [null, 'null'],
      [undefined, 'undefined'],
      [Number.NaN, 'NaN'],
      [Number.NEGATIVE_INFINITY, '-Infinity'],
      [true, 'true'],
      [[], '[]'],
      [[8, '5', Number.NaN, null, [undefined]], '[8,"5",NaN,null,[undefined]]'],
      [{ from: 1, to: Number.NaN }, '{"from":1,"to":"NaN"}'],
      [Object.create(null), '{}'],
      [() => 1, 'a function'],
      [Symbol('s'), 'Symbol(s)'],
      [new Map(), 'a Map'],
      [new Float32Array(2), 'a Float32Array'],
      [new (class Codebook {})(), 'a Codebook'],
      ['line\nbreak', '"line\\nbreak"'],
    ];
    for (const [value, text] of cases) expect(show(value)).toBe(text);
  });

  it('stays on one line of at most 80 characters, whatever it gets', () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const nested = new Array(1_000_000).fill([1, 2, 3]);
    for (const value of ['x'.repeat(1000), nested, { key: 'y'.repeat(1000) }, circular, [circular]]) {
      expect(show(value).length).toBeLessThanOrEqual(80);
      expect(show(value)).not.toContain('\n');
    }
    expect(show(circular)).toBe(`${'{"self":'.repeat(10).slice(0, 77)}...`);
    expect(show('x'.repeat(1000))).toMatch(/^"x{76}\.\.\.$/);
  });

  it('bears values nested a million deep and strings of 2^28 characters', () => {
    let list: unknown = 1;
    let object: unknown = 1;
    for (let i = 0; i < 1_000_000; i++) [list, object] = [[list], { a: object }];
    expect(show(list)).toBe(`${'['.repeat(77)}...`);
    expect(show({ list })).toBe(`{"list":${'['.repeat(69)}...`);
    expect(show(object)).toBe(`${'{"a":'.repeat(16).slice(0, 77)}...`);
    const long = 'x'.repeat(2 ** 28);
    for (const value of [long, [long], { [long]: long }]) expect(show(value).length).toBe(80);
    expect(show(JSON.parse('{"__proto__":{"a":8}}'))).toBe('{"__proto__":{"a":8}}');
    expect(show({ a: 8n, b: undefined })).toBe('{"a":8n,"b":undefined}');
  });
});
