import { describe, expect, it } from 'vitest';
import { ADAMW_STEP } from '../src/kernels/adamw-step.ts';
import * as bitEntropy from '../src/kernels/bit-entropy-programs.ts';
import { CODE_COUNTS } from '../src/kernels/code-counts.ts';
import { FILTER_PARTS, SUM_PARTS } from '../src/kernels/conv2d-backprop-filter.ts';
import { FSQ_DECODE } from '../src/kernels/fsq-decode.ts';
import { FSQ_QUANTIZE_GRAD } from '../src/kernels/fsq-grad.ts';
import { FSQ_ENCODE, FSQ_QUANTIZE } from '../src/kernels/fsq-quantize.ts';
import { GATHER_CODES } from '../src/kernels/gather-codes.ts';
import { BINARY, binaryProgram, SUM_ROWS } from '../src/kernels/integers.ts';
import { MAX_POOL_GRAD } from '../src/kernels/max-pool-grad.ts';
import { GATHER, moveProgram, selectProgram } from '../src/kernels/move.ts';
import { MERGE_CODES, PACK_CODES, PACK_TOKENS, SEARCH_CODES } from '../src/kernels/nearest-code.ts';
import { CENTER_TOKENS, DECIDE_NEAREST, PACK_QUERIES, SEARCH_GROUPS } from '../src/kernels/nearest-code-exact.ts';
import { REVERSE_BITS } from '../src/kernels/reverse-bits.ts';
import { ROTATE_TO_GRAD } from '../src/kernels/rotate-to-grad.ts';
import { CENTER_CODES, PACK_CENTERED, PACK_GIVEN, SPREAD_CODES } from '../src/kernels/scored-codes.ts';
import { SELECT_ROWS } from '../src/kernels/select-rows.ts';
import { SIGN_DECODE } from '../src/kernels/sign-decode.ts';
import { SIGN_ENCODE, SIGN_QUANTIZE } from '../src/kernels/sign-quantize.ts';
import { COS, SIN } from '../src/kernels/sine.ts';
import { MAT_MUL, REDUCTIONS, reduceProgram, SHORT_SUMS } from '../src/kernels/small.ts';
import { TANH } from '../src/kernels/tanh.ts';
import { UNIT_LENGTH } from '../src/kernels/unit-length.ts';
import { segmentSumProgram } from '../src/kernels/unsorted-segment-sum.ts';
import { type Program, wgslOf } from '../src/program.ts';
import { orderedKey } from '../src/wgsl.ts';

const programs: Program[] = [
  bitEntropy.SAMPLE_ENTROPY,
  bitEntropy.SUM_TERMS,
  bitEntropy.BIT_PROBABILITIES,
  bitEntropy.HALF_PROBABILITIES,
  bitEntropy.AVERAGE_PROBABILITIES,
  bitEntropy.AVERAGE_PARTS,
  bitEntropy.AVERAGE_SUMS,
  bitEntropy.ENTROPY_TERMS,
  bitEntropy.AVERAGE_SLOPE,
  bitEntropy.HALF_SLOPE,
  bitEntropy.bitSlopeProgram(true),
  bitEntropy.bitSlopeProgram(false),
  CODE_COUNTS,
  FILTER_PARTS,
  SUM_PARTS,
  FSQ_DECODE,
  FSQ_ENCODE,
  FSQ_QUANTIZE,
  FSQ_QUANTIZE_GRAD,
  GATHER,
  GATHER_CODES,
  MAT_MUL,
  SHORT_SUMS,
  MAX_POOL_GRAD,
  PACK_CODES,
  PACK_TOKENS,
  MERGE_CODES,
  CENTER_TOKENS,
  PACK_QUERIES,
  SEARCH_GROUPS,
  DECIDE_NEAREST,
  CENTER_CODES,
  SPREAD_CODES,
  PACK_CENTERED,
  PACK_GIVEN,
  ROTATE_TO_GRAD,
  SEARCH_CODES,
  SELECT_ROWS,
  SIGN_DECODE,
  SIGN_ENCODE,
  SIGN_QUANTIZE,
  SUM_ROWS,
  SIN,
  COS,
  TANH,
  segmentSumProgram('f32'),
  segmentSumProgram('vec4<f32>'),
  ADAMW_STEP,
  ...Object.keys(REDUCTIONS).map(reduceProgram),
  binaryProgram('FloorDiv', 2),
  moveProgram(3),
  selectProgram(2),
  REVERSE_BITS,
  UNIT_LENGTH,
];

describe('WGSL', () => {
  for (const [i, program] of programs.entries()) {
    it(`${program.name} ${i}`, () => {
      expect(wgslOf(program)).toMatchSnapshot();
    });
  }

  it('has a formula for every binary operation of integers', () => {
    expect(Object.fromEntries(Object.entries(BINARY).map(([name, { wgsl }]) => [name, wgsl]))).toMatchSnapshot();
  });
});

describe('orderedKey', () => {
  it('orders as the numbers do', () => {
    const inf = Number.POSITIVE_INFINITY;
    const ascending = [-inf, -3e38, -1, -1e-45, 0, 1e-45, 1, 3e38, inf];
    const keys = ascending.map(orderedKey);
    expect(keys).toEqual(keys.toSorted((a, b) => a - b));
    expect(new Set(keys).size).toBe(keys.length);
    expect(orderedKey(-0)).toBe(orderedKey(0));
  });
});
