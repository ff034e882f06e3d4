import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  DataError,
  DisposedError,
  DtypeError,
  OptionError,
  QuantizerError,
  requireInteger,
  ShapeError,
  show,
  UnsupportedError,
} from '../src/index.ts';

describe('the error classes', () => {
  const classes = { DataError, DisposedError, DtypeError, OptionError, ShapeError, UnsupportedError };

  it('are QuantizerErrors under their own names', () => {
    for (const [name, ErrorClass] of Object.entries(classes)) {
      const error = new ErrorClass('what happened');
      expect(error).toBeInstanceOf(QuantizerError);
      expect(error).toBeInstanceOf(Error);
      expect(error.name).toBe(name);
      expect(String(error)).toBe(`${name}: what happened`);
      expect(inspect(error).split('\n')[0]).toBe(`${name}: what happened`);
    }
  });

  it('make their message of the facts, and keep these', () => {
    const facts = {
      where: 'createFsq',
      argument: 'levels[2]',
      rule: 'an integer >= 2',
      value: 1,
      fix: 'Use 2 or more.',
    };
    const error = new OptionError(facts);
    expect(error.message).toBe('createFsq: levels[2] must be an integer >= 2, got 1. Use 2 or more.');
    expect(error.facts).toEqual(facts);
    expect('facts' in new DataError('a text')).toBe(false);
  });

  it('have facts where a check of one argument threw them', () => {
    let found: unknown;
    try {
      requireInteger('createLfq', 'dim', '8', 1, 30);
    } catch (error) {
      found = (error as OptionError).facts;
    }
    expect(found).toEqual({
      where: 'createLfq',
      argument: 'dim',
      rule: 'an integer from 1 to 30',
      value: '8',
      fix: 'Pass an integer from 1 to 30.',
    });
  });

  it('keep the cause', () => {
    const cause = new Error('below');
    expect(new OptionError('above', { cause }).cause).toBe(cause);
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
