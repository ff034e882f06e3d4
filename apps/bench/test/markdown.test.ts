import { describe, expect, it } from 'vitest';
import type { Verdict } from '../src/experiment.ts';
import { formatCell, formatNumber, markdownTable, slug, verdictTable } from '../src/markdown.ts';

describe('formatNumber', () => {
  it.each([
    [0, '0'],
    [12, '12'],
    [65_536, '65,536'],
    [0.100_34, '0.1003'],
    [12.345_6, '12.35'],
    [5387.4, '5387'],
    [12_345.6, '12,350'],
    [-0.5, '-0.5'],
    [1.23e-7, '1.2e-7'],
    [2.5e12 + 0.5, '2.5e+12'],
  ])('%d is %s', (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });
});

it('writes null as not measured', () => {
  expect([formatCell(null), formatCell('x'), formatCell(1.5)]).toEqual(['not measured', 'x', '1.5']);
});

it('sets numbers to the right and keeps bars and line breaks in their cell', () => {
  const table = markdownTable({
    columns: ['a|b', 'n'],
    rows: [
      ['x\ny', 1],
      ['z', null],
    ],
  });
  expect(table).toBe('| a\\|b | n |\n| --- | --: |\n| x y | 1 |\n| z | not measured |');
});

it('makes words for keys', () => {
  expect(slug('Speed against peers (ms)')).toBe('speed-against-peers-ms');
});

it('tells a claim that held from one that was predicted', () => {
  const table = (judged: Partial<Verdict>): string =>
    verdictTable([{ claim: 'a', expected: 'b', measured: 'c', verdict: 'reproduced', remark: 'd', ...judged }]);
  expect(table({})).toContain('| **yes** | yes |');
  expect(table({ predicted: false })).toContain('| **yes** | no |');
  expect(table({ predicted: false, verdict: 'not reproduced' })).toContain('| **no** | yes |');
  expect(table({ predicted: null })).toContain('| **yes** | not predicted |');
  expect(table({ verdict: 'undecided' })).toContain('| **undecided** | undecided |');
  expect(table({ verdict: 'beyond reach here' })).toContain('| **not measured** | not measured |');
});
