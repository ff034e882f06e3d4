import { describe, expect, it } from 'vitest';
import type { ContenderName } from '../../src/kernels/contender.ts';
import type { Measured } from '../../src/kernels/measure.ts';
import type { Row } from '../../src/kernels/rows.ts';
import { answerOf, goalTable, goalVerdicts, limitTable, type RowResult } from '../../src/kernels/summary.ts';

const row: Row = {
  title: 'FSQ',
  work: { quantizer: 'fsq', op: 'encode', n: 1000, dim: 4, levels: [8, 5, 5, 5] },
  goal: { kind: 'ratio', times: 10 },
};
const bounded: Row = { ...row, title: 'bounded', goal: { kind: 'bounds', ms: 5, mib: 100 }, withoutTorch: 'too large' };

function of(contender: ContenderName, timesMs: number[], note = ''): Measured {
  return { contender, timesMs, peakMiB: timesMs.length === 0 ? null : 80, idsThatDiffer: 0, note };
}

function result(threads: number, ours: number, theirs: number | undefined, of_: Row = row): RowResult {
  const torch = theirs === undefined ? [] : [of('torch', [theirs + 1, theirs])];
  return { row: of_, threads, measured: [of('vqkit', [ours + 1, ours]), ...torch] };
}

describe('goalVerdicts', () => {
  it('wants a ratio with one thread and with all', () => {
    expect(goalVerdicts([result(1, 1, 12), result(2, 1, 11)], true)).toMatchObject([
      { verdict: 'reproduced', expected: '10×', measured: '1 thread: 12×; 2 threads: 11×' },
    ]);
    expect(goalVerdicts([result(1, 1, 12), result(2, 1, 9)], true)).toMatchObject([{ verdict: 'not reproduced' }]);
  });

  it('says that a peer is absent, and why one failed', () => {
    expect(goalVerdicts([result(1, 1, undefined)], false)).toMatchObject([
      {
        verdict: 'beyond reach here',
        measured: '1 thread: not measured',
        remark: expect.stringContaining('No Python'),
      },
    ]);
    const failed = { row, threads: 1, measured: [of('vqkit', [1]), of('torch', [], 'MemoryError: out of memory')] };
    expect(goalVerdicts([failed], true)[0]?.remark).toBe('torch: MemoryError: out of memory');
  });

  it('wants time and memory of all threads within bounds', () => {
    const both = [result(1, 50, undefined, bounded), result(2, 4, undefined, bounded)];
    expect(goalVerdicts(both, true)).toMatchObject([
      { verdict: 'reproduced', expected: '≤ 5 ms, ≤ 100 MiB', measured: '2 threads: 4 ms, 80 MiB' },
    ]);
  });
});

it('shows ratios, goals and absent peers in the table', () => {
  const { rows } = goalTable([result(1, 1, 12), result(2, 1, undefined), result(2, 9, undefined, bounded)]);
  expect(rows).toEqual([
    ['FSQ', 1, 1, 12, 12, '10×', 'yes'],
    ['FSQ', 2, 1, null, null, '10×', '-'],
    ['bounded', 2, 9, 'too large', null, '≤ 5 ms, ≤ 100 MiB', 'no'],
  ]);
});

it('compares with the limit of the machine', () => {
  const limits = { copies: [{ bytes: 20_000, bytesPerSecond: 2e7 }], flopsPerSecond: 1e9 };
  const [found] = limitTable([result(1, 4, undefined)], limits).rows;
  // 1000 tokens of 20 bytes at 20 MB/s take 1 ms.
  expect(found?.slice(-2)).toEqual([1, 0.25]);
});

it('answers in words', () => {
  const answer = answerOf([result(1, 1, 12), result(2, 1, 9)], true);
  expect(answer).toContain('- FSQ: **12×**');
  expect(answer).toContain('Of 1 goals that could be decided, 0 are reached.');
  expect(answerOf([result(1, 1, undefined)], false)).toContain('The reference library was not measured');
});
