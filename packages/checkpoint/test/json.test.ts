import { describe, expect, it } from 'vitest';
import { parseJson } from '../src/json.ts';

const parse = (json: string | Uint8Array): unknown => parseJson(json, (rule, found) => new Error(`${rule}, ${found}`));

describe('parseJson', () => {
  it('gives what JSON.parse gives', () => {
    for (const text of [
      'null',
      '5',
      '"a\\"{:[\\\\"',
      '[1,{"a":{"a":1}},{"a":2}]',
      '{"a:{":"}","b\\u0022":"\\"" }',
      ' {} ',
    ]) {
      expect(parse(text)).toEqual(JSON.parse(text));
      expect(parse(new TextEncoder().encode(text))).toEqual(JSON.parse(text));
    }
  });

  it('refuses what is not JSON or not UTF-8, keys that stand twice, and deep nesting', () => {
    expect(() => parse('{')).toThrow(/^JSON in UTF-8, /);
    expect(() => parse(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(/^JSON in UTF-8, /);
    expect(() => parse('[{"a":1,"\\u0061":2}]')).toThrow('JSON with every key once, "a" twice');
    expect(() => parse('{"__proto__":1,"__proto__":2}')).toThrow('"__proto__" twice');
    const nested = (depth: number): string => '[{"a":'.repeat(depth / 2) + 1 + '}]'.repeat(depth / 2);
    expect(parse(nested(64))).toEqual(JSON.parse(nested(64)));
    expect(() => parse(nested(66))).toThrow('JSON nested at most 64 deep, deeper');
    expect(() => parse('['.repeat(5_000_000))).toThrow(/JSON in UTF-8/);
  });
});
