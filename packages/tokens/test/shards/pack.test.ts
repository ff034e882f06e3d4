import { createRng, DataError, OptionError, ShapeError } from '@vqkit/core-tensor';
import { describe, expect, it } from 'vitest';
import { packedBytes, packIds, unpackIds } from '../../src/shards/pack.ts';

/** By the definition: one number per 64 ids, one after the other. */
function byDefinition(ids: readonly number[], codebookSize: number): number[] {
  const isPower = Number.isInteger(Math.log2(codebookSize));
  let [all, at] = [0n, 0n];
  const size = isPower ? 1 : 64;
  for (let from = 0; from < ids.length; from += size) {
    const group = ids.slice(from, from + size);
    const value = group.reduceRight((sum, id) => sum * BigInt(codebookSize) + BigInt(id), 0n);
    let bits = 0n;
    while (2n ** bits < BigInt(codebookSize) ** BigInt(group.length)) bits++;
    all += value << at;
    at += bits;
  }
  return Array.from({ length: Math.max(1, Math.ceil(Number(at) / 8)) }, (_, i) =>
    Number((all >> BigInt(8 * i)) & 255n),
  );
}

describe('packIds', () => {
  const rng = createRng(5);
  const random = (length: number, codebookSize: number): Int32Array =>
    Int32Array.from({ length }, () => Math.floor(rng.uniform() * codebookSize));

  it.each([1, 2, 3, 5, 8, 255, 256, 1000, 1024, 15625, 2 ** 18, 2 ** 31 - 1, 2 ** 30])(
    'of %i codes is exact',
    (codebookSize) => {
      for (const count of [1, 2, 7, 63, 64, 65, 200]) {
        const ids = random(3 * count, codebookSize);
        ids[0] = codebookSize - 1;
        const bytes = packIds(ids, count, codebookSize);
        expect(bytes.length).toBe(3 * packedBytes(count, codebookSize));
        expect(unpackIds(bytes, count, codebookSize)).toEqual(ids);
        for (const n of [0, 1, 2]) {
          const own = [...ids.subarray(n * count, (n + 1) * count)];
          const size = packedBytes(count, codebookSize);
          expect([...bytes.subarray(n * size, (n + 1) * size)]).toEqual(byDefinition(own, codebookSize));
        }
      }
    },
  );

  it('takes log₂ K bits per id, but for less than one in 64 ids and the last byte', () => {
    for (const codebookSize of [3, 5, 625, 1000, 4375, 64000]) {
      for (const count of [16, 64, 256, 1024]) {
        const least = (count * Math.log2(codebookSize)) / 8;
        expect(packedBytes(count, codebookSize)).toBeLessThanOrEqual(Math.ceil(least + Math.ceil(count / 64) / 8));
      }
    }
  });

  it('refuses padding, ids beyond the codes, and parts of examples', () => {
    expect(() => packIds(Int32Array.of(0, -1), 2, 5)).toThrow(DataError);
    expect(() => packIds(Int32Array.of(0, 5), 2, 5)).toThrow(/ids\[1\] must be in \[0, 5\), got 5/);
    expect(() => packIds(Int32Array.of(0, 1, 2), 2, 5)).toThrow(ShapeError);
    expect(() => unpackIds(new Uint8Array(3), 4, 2 ** 16)).toThrow(OptionError);
    expect(() => unpackIds(new Uint8Array(2).fill(255), 3, 10)).toThrow(/must hold ids in \[0, 10\)/);
  });
});
