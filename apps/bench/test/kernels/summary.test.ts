import { describe, expect, it } from 'vitest';
import type { ContenderName } from '../../src/kernels/contender.ts';
import type { Measured } from '../../src/kernels/measure.ts';
import type { Row } from '../../src/kernels/rows.ts';
import {
  answerOf,
  floorTable,
  goalTable,
  goalVerdicts,
  limitTable,
  type RowResult,
} from '../../src/kernels/summary.ts';

const row: Row = {
  title: 'FSQ',
  work: { quantizer: 'fsq', op: 'encode', n: 1000, dim: 4, levels: [8, 5, 5, 5] },
  goal: { kind: 'ratio', times: 10 },
};
const bounded: Row = { ...row, title: 'bounded', goal: { kind: 'bounds', ms: 5, mib: 100 }, withoutTorch: 'too large' };

function of(contender: ContenderName, timesMs: number[], note = ''): Measured {
  return { contender, timesMs, peakMiB: timesMs.length === 0 ? null : 80, idsThatDiffer: 0, note, busyTurns: 0 };
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

it('sets missed goals beside the floor', () => {
  // Ten times as fast as 9 and 12 ms.
  const missed = { ...result(1, 4, 9), floor: { moveMs: 0.5, compareMs: 1 } };
  const reached = { ...result(2, 1, 12), floor: { moveMs: 2, compareMs: null } };
  expect(floorTable([missed, reached, result(1, 1, 12), result(1, 2, 12)]).rows).toEqual([
    ['FSQ', 1, 0.9, 4, 0.5, 1, 'below the floor of comparing'],
    ['FSQ', 2, 1.2, 1, 2, 'none needed', 'below the floor'],
    ['FSQ', 1, 1.2, 2, null, null, '-'],
  ]);
  const [verdict] = goalVerdicts([missed, reached], true);
  expect(verdict?.remark).toBe(
    '1 thread: needs 0.9 ms, has 4, moving the data and comparing alone takes 1 in 128-bit vectors',
  );
});

it('compares with the limit of the machine', () => {
  const limits = { copies: [{ bytes: 20_000, bytesPerSecond: 2e7 }], flopsPerSecond: 1e9, int16PerSecond: 2e9 };
  const [found] = limitTable([result(1, 4, undefined)], limits).rows;
  // 1000 tokens of 20 bytes at 20 MB/s take 1 ms.
  expect(found?.slice(-2)).toEqual([1, 0.25]);
});

it('answers in words', () => {
  const answer = answerOf([result(1, 1, 12), result(2, 1, 9)], true);
  expect(answer).toContain('all works are in the first table');
  expect(answer).toContain('Of 1 goals that could be decided, 0 are reached.');
  expect(answerOf([result(1, 1, undefined)], false)).toContain('The reference library was not measured');
});
