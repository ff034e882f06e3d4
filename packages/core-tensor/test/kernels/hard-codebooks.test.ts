import { tensor2d } from '@tensorflow/tfjs-core';
import {
  type EngineName,
  eachEngine,
  exactDistance,
  expectSame,
  HARD_CODEBOOKS,
  hardSearch,
  nearestByFloat64,
  repetitions,
  type SearchProblem,
  seedOf,
  spreadRuns,
} from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearestCodeExact } from '../../src/index.ts';
import { createPlainSearch } from '../../src/plain-search.ts';

/** On a software rasteriser codes that all have to be compared in emulated float64 take their time. */
const sizesFor = (engine: EngineName): readonly (readonly [number, number, number])[] =>
  engine === 'webgpu'
    ? [
        [40, 30, 5],
        [90, 20, 33],
        [600, 40, 6],
      ]
    : [
        [3, 9, 1],
        [40, 30, 5],
        [700, 80, 16],
        [300, 70, 64],
        [3000, 70, 3],
      ];

async function found({ x, codes, dim }: SearchProblem): Promise<ArrayLike<number>> {
  const [tokens, book] = [x, codes].map((rows) => tensor2d(rows, [rows.length / dim, dim])) as [
    ReturnType<typeof tensor2d>,
    ReturnType<typeof tensor2d>,
  ];
  const indices = nearestCodeExact({ x: tokens, codes: book });
  const ids = await indices.data();
  for (const t of [tokens, book, indices]) t.dispose();
  return ids;
}

eachEngine((engine) => {
  describe('nearestCodeExact', () => {
    for (const kind of HARD_CODEBOOKS) {
      it(`finds float64's code, bit for bit: ${kind}`, async () => {
        for (const sizes of sizesFor(engine)) {
          for (let seed = 0; seed < repetitions(engine, 4); seed++) {
            const problem = hardSearch(kind, sizes, seed);
            await expectSame(await found(problem), nearestByFloat64(problem));
          }
        }
      });
    }

    it('finds the nearest code but for distances within 4 ulp, over 60 orders of magnitude', () =>
      fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...HARD_CODEBOOKS),
          fc.integer({ min: 1, max: 60 }),
          fc.integer({ min: 1, max: 12 }),
          fc.integer({ min: 0, max: 2 ** 31 - 1 }),
          async (kind, k, dim, seed) => {
            const problem = hardSearch(kind, [k, 8, dim], seed);
            const ids = await found(problem);
            for (let n = 0; n < 8; n++) {
              const best = exactDistance(problem, n, ids[n] as number);
              for (let other = 0; other < k; other++) {
                const counts = problem.codes.subarray(other * dim, (other + 1) * dim).every(Number.isFinite);
                if (!counts) continue;
                const distance = exactDistance(problem, n, other);
                // Distances within 4 units of 2^-52: squares within 8.
                expect((best - distance) << 49n <= distance, `${kind}: ${ids[n]} for ${other}`).toBe(true);
              }
            }
          },
        ),
        { numRuns: repetitions(engine, spreadRuns(300)), seed: seedOf(engine, 3) },
      ));
  });
});

describe('createPlainSearch', () => {
  it("finds float64's code, bit for bit", async () => {
    for (const kind of HARD_CODEBOOKS) {
      for (const sizes of sizesFor('cpu')) {
        const problem = hardSearch(kind, sizes, 5);
        const indices = new Int32Array(sizes[1]);
        createPlainSearch(problem)(problem.x, indices, sizes[1]);
        await expectSame(indices, nearestByFloat64(problem));
      }
    }
  });
});
