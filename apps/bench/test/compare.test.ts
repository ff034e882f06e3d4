import { expect, it } from 'vitest';
import { compareResults } from '../src/compare.ts';
import type { Measurement } from '../src/experiment.ts';
import { fiveNumbers, summary } from '../src/order-statistics.ts';
import type { Result } from '../src/result.ts';
import { outcome } from './fake.ts';

const measurement = (name: string, samples: number[], better: Measurement['better'] = 'lower'): Measurement => ({
  name,
  unit: 'ms',
  better,
  samples,
});

function result(measurements: readonly Measurement[] | undefined): Result {
  return {
    version: 2,
    experiment: 'fake',
    question: '',
    method: '',
    expected: '',
    command: '',
    quick: false,
    seeds: [1],
    date: '2026-01-02T00:00:00.000Z',
    seconds: 1,
    environment: {
      node: '20',
      tfjs: '4',
      vqkit: '0',
      commit: null,
      platform: 'linux',
      cpu: 'x',
      cores: 2,
      memoryGiB: 1,
      load: 0,
      python: null,
    },
    parts: [],
    outcome: { ...outcome, ...(measurements === undefined ? {} : { measurements }) },
  };
}

it('gives ratio and spread of every row, and tells an effect from noise', () => {
  const a = result([measurement('speed', [10, 11, 12]), measurement('noise', [10, 20, 30]), measurement('gone', [1])]);
  const b = result([measurement('speed', [5, 5.5, 6]), measurement('noise', [12, 22, 28]), measurement('new', [1])]);
  const { rows } = compareResults(a, b);
  expect(rows).toEqual([
    ['speed', 'ms', 11, '10 … 12', 5.5, '5 … 6', 0.5, 0.5, 'better'],
    ['noise', 'ms', 20, '10 … 30', 22, '12 … 28', 1.1, 1.2, 'within the spread'],
    ['gone', 'ms', 1, 'one sample', null, '-', null, null, 'not in both'],
    ['new', 'ms', null, '-', 1, 'one sample', null, null, 'not in both'],
  ]);
});

it('knows where more is better', () => {
  const a = result([measurement('steps per second', [10, 11, 12], 'higher')]);
  const b = result([measurement('steps per second', [5, 5.5, 6], 'higher')]);
  expect(compareResults(a, b).rows[0]?.slice(-2)).toEqual([0.5, 'worse']);
  expect(compareResults(b, a).rows[0]?.slice(-2)).toEqual([2, 'better']);
});

it('compares the numbers of the tables where nothing was measured repeatedly', () => {
  const rows = compareResults(result(undefined), result(undefined)).rows.map((row) => [row[0], row[6], row[8]]);
  expect(rows).toEqual([
    ['Speed (ms): FSQ encode: ours', 1, 'same'],
    ['Speed (ms): LFQ encode: ours', 1, 'same'],
    ['Speed (ms): LFQ encode: peer', 1, 'same'],
  ]);
});

it('interpolates quartiles', () => {
  expect(summary([4, 1, 2, 3])).toEqual({
    low: 1,
    firstQuarter: 1.75,
    median: 2.5,
    lastQuarter: 3.25,
    high: 4,
    count: 4,
  });
});

it('keeps five numbers of many, whose quartiles are those of all', () => {
  const many = Array.from({ length: 41 }, (_, i) => (i * 17) % 41);
  const five = fiveNumbers(many);
  expect(five).toEqual([0, 10, 20, 30, 40]);
  expect({ ...summary(five), count: 41 }).toEqual(summary(many));
  // The middle of an even number of samples is one of them.
  expect(fiveNumbers([6, 5, 4, 3, 2, 1])[2]).toBe(4);
  expect(fiveNumbers([3, 1])).toEqual([3, 1]);
  expect(fiveNumbers([])).toEqual([]);
});
