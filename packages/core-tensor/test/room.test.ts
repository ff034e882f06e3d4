import { memory, type Rank, zeros } from '@tensorflow/tfjs-core';
import { startEngine } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { gatherCodes, UnsupportedError } from '../src/index.ts';
import { namingSizes, requireRoom } from '../src/room.ts';

function expectRefused(call: () => unknown, message: RegExp): void {
  const before = memory().numTensors;
  let error: unknown;
  try {
    call();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(UnsupportedError);
  expect((error as Error).message).toMatch(message);
  expect(memory().numTensors).toBe(before);
}

describe('the cpu engine', () => {
  beforeAll(() => startEngine('cpu'));

  it('names the kernel and its sizes where JavaScript has no array for the result', () => {
    const codes = zeros<Rank.R2>([2, 2 ** 20]);
    const ids = zeros<Rank.R1>([2 ** 21], 'int32');
    expectRefused(
      () => gatherCodes(codes, ids),
      /^GatherCodes: codes of shape \[2,1048576\], indices of shape \[2097152\] must fit into the arrays of the engine 'cpu', got .+\. Use smaller batches or codebooks\.$/,
    );
  });

  it('names what would be too long before it is made', () => {
    expectRefused(
      () => requireRoom('decode', 'the codes', [2 ** 22, 2 ** 20]),
      /^decode: the codes must fit into an array on the engine 'cpu', got shape \[4194304,1048576\] of 17592186044416 bytes\. Use smaller batches\.$/,
    );
    requireRoom('decode', 'the codes', [2 ** 20]);
  });

  it('leaves other errors as they are', () => {
    const other = new RangeError('Maximum call stack size exceeded');
    expect(() =>
      namingSizes(
        'encode',
        () => 'z',
        () => {
          throw other;
        },
      ),
    ).toThrow(other);
  });
});
