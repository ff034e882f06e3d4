import { rowOf } from './nearest';
import { exactDistance, exactFrameOf, searchExactly, searchWaiting } from './nearest-exact';
import { clearOpen, scoresOf, searchOpen, searchOpenWaiting } from './nearest-open';
import { marginOfRow } from './round';

/**
 * The indices of nearestCodeExact, bit for bit, by scores in float32 where these leave one code. For few codes or features, where rounding to
 * 16-bit integers does not pay.
 *
 * Four tokens × eight codes at a time. Each lane keeps its two best scores. The number of the panel stands in their lowest bits, which moves
 * a score by less than 2^bits units in its last place. The nearest code is among those whose score is not further below the best than this and
 * the bound E of screenGroups without its terms of 16-bit rounding: one as a rule, or a few in lanes of their own, which are compared in float64.
 * Where a lane may hold two, searchOpen looks for them; where they are many, nearestCodeExact's loop searches, and where that happens often, for the
 * rest of the tokens.
 *
 * @param queries what is scored, with `panels` and their `measures`; the others as in nearestCodeSettled. Units: groups of four tokens.
 */
export function nearestCodeRough(
  queries: usize,
  panels: usize,
  measures: usize,
  x: usize,
  codes: usize,
  exactFrames: usize,
  reach: usize,
  indices: usize,
  firstCode: i32,
  tokens: i32,
  dim: i32,
  codeDim: i32,
  count: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const panelCount = (count + 7) >> 3;
  const bits = 32 - clz(panelCount);
  const moved = <f64>(1 << bits) * 1.2e-7;
  const tiny = <f64>(1 << bits) * 1.5e-45;
  const frame = exactFrameOf(exactFrames, worker, codeDim);
  clearOpen(frame);
  const scores = scoresOf(frame);
  const rowBytes = (<usize>dim) << 2;
  const last = tokens - 1;
  let exactly = 0;
  for (let group = begin; group < end; group++) {
    const first = group << 2;
    if (exactly > 64 && exactly > 2 * (group - begin)) {
      for (let token = first; token < min(first + 4, tokens); token++) {
        exactly++;
        searchExactly(token, x, codes, frame, indices, firstCode, codeDim, count);
      }
      continue;
    }
    const x0 = rowOf(queries, first, last, rowBytes);
    const x1 = rowOf(queries, first + 1, last, rowBytes);
    const x2 = rowOf(queries, first + 2, last, rowBytes);
    scorePanels(x0, x1, x2, rowOf(queries, first + 3, last, rowBytes), panels, scores, rowBytes, panelCount, bits);
    for (let t = 0; t < min(4, tokens - first); t++) {
      const own = scores + ((<usize>t) << 6);
      const b0 = v128.load(own);
      const s0 = v128.load(own, 16);
      const b1 = v128.load(own, 32);
      const s1 = v128.load(own, 48);
      const token = first + t;
      const best = <f64>highestLane(f32x4.pmax(b0, b1));
      const row = rowOf(queries, token, last, rowBytes);
      const margin = marginOfRow(row, dim, measures, reach === 0 ? 0 : reach + ((<usize>token) << 2));
      // Of a code that can be the nearest: how high its score is at least, and with the number of its panel in it.
      const least = best - moved * abs(best) - margin - tiny;
      const low = least - 1.001 * moved * abs(least) - tiny;
      const enough = f32x4.splat(<f32>(low - abs(low) * 1.2e-7));
      const lanes = i32x4.bitmask(f32x4.ge(b0, enough)) | (i32x4.bitmask(f32x4.ge(b1, enough)) << 4);
      // Neither where one of them is not a number nor where no code can be scored.
      if (lanes === 0 || !(least > -1e38)) {
        exactly++;
        searchExactly(token, x, codes, frame, indices, firstCode, codeDim, count);
      } else if (v128.any_true(f32x4.ge(f32x4.pmax(s0, s1), enough))) {
        exactly += searchOpen(
          token,
          least,
          margin,
          queries,
          panels,
          x,
          codes,
          frame,
          indices,
          firstCode,
          dim,
          codeDim,
          count,
        );
      } else {
        let winner = codeOfLane(own, ctz(lanes), bits);
        if ((lanes & (lanes - 1)) !== 0) winner = nearestOfLanes(own, lanes, bits, x, codes, token, codeDim);
        store<i32>(indices + ((<usize>token) << 2), winner);
      }
    }
  }
  searchOpenWaiting(queries, panels, x, codes, frame, indices, firstCode, dim, codeDim, count);
  searchWaiting(x, codes, frame, indices, firstCode, codeDim, count);
}

/** The code of a lane's best score. */
function codeOfLane(scores: usize, lane: i32, bits: i32): i32 {
  // Four lanes' second best scores lie between.
  const at = scores + ((<usize>(lane + (lane & 4))) << 2);
  return ((load<i32>(at) & ~(-1 << bits)) << 3) + lane;
}

/** The one of several lanes' best codes at the smallest distance, the lowest index of equal ones. */
function nearestOfLanes(scores: usize, lanes: i32, bits: i32, x: usize, codes: usize, token: i32, dim: i32): i32 {
  const rowBytes = (<usize>dim) << 2;
  const row = x + <usize>token * rowBytes;
  let winner = -1;
  let nearest: f64 = Infinity;
  for (; lanes !== 0; lanes &= lanes - 1) {
    const code = codeOfLane(scores, ctz(lanes), bits);
    const distance = exactDistance(row, codes + <usize>code * rowBytes, dim);
    if (distance > nearest || (distance === nearest && code > winner)) continue;
    nearest = distance;
    winner = code;
  }
  return winner;
}

/**
 * The two best scores of each lane for four tokens. Exported, so that it stays a function of its own: inside the other loop its pointers would
 * not stay in registers.
 */
export function scorePanels(
  x0: usize,
  x1: usize,
  x2: usize,
  x3: usize,
  panels: usize,
  scores: usize,
  rowBytes: usize,
  panelCount: i32,
  bits: i32,
): void {
  const scoreMask = i32x4.splat(-1 << bits);
  const none = f32x4.splat(-Infinity);
  for (let i: usize = 0; i < 256; i += 16) v128.store(scores + i, none);
  let panel = panels;
  for (let p = 0; p < panelCount; p++) {
    let c00 = v128.load(panel);
    let c01 = v128.load(panel, 16);
    let c10 = c00;
    let c11 = c01;
    let c20 = c00;
    let c21 = c01;
    let c30 = c00;
    let c31 = c01;
    panel += 32;
    for (let j: usize = 0; j < rowBytes; j += 4) {
      const w0 = v128.load(panel);
      const w1 = v128.load(panel, 16);
      const v0 = v128.load32_splat(x0 + j);
      const v1 = v128.load32_splat(x1 + j);
      const v2 = v128.load32_splat(x2 + j);
      const v3 = v128.load32_splat(x3 + j);
      c00 = f32x4.add(c00, f32x4.mul(v0, w0));
      c01 = f32x4.add(c01, f32x4.mul(v0, w1));
      c10 = f32x4.add(c10, f32x4.mul(v1, w0));
      c11 = f32x4.add(c11, f32x4.mul(v1, w1));
      c20 = f32x4.add(c20, f32x4.mul(v2, w0));
      c21 = f32x4.add(c21, f32x4.mul(v2, w1));
      c30 = f32x4.add(c30, f32x4.mul(v3, w0));
      c31 = f32x4.add(c31, f32x4.mul(v3, w1));
      panel += 32;
    }
    const here = i32x4.splat(p);
    keepTwo(scores, v128.bitselect(c00, here, scoreMask));
    keepTwo(scores + 32, v128.bitselect(c01, here, scoreMask));
    keepTwo(scores + 64, v128.bitselect(c10, here, scoreMask));
    keepTwo(scores + 96, v128.bitselect(c11, here, scoreMask));
    keepTwo(scores + 128, v128.bitselect(c20, here, scoreMask));
    keepTwo(scores + 160, v128.bitselect(c21, here, scoreMask));
    keepTwo(scores + 192, v128.bitselect(c30, here, scoreMask));
    keepTwo(scores + 224, v128.bitselect(c31, here, scoreMask));
  }
}

/** Four lanes' best scores and, behind them, their second best, with four more scores. In memory: registers are for the products. */
function keepTwo(at: usize, score: v128): void {
  const best = v128.load(at);
  v128.store(at, f32x4.pmax(v128.load(at, 16), f32x4.pmin(best, score)), 16);
  v128.store(at, f32x4.pmax(best, score));
}

function highestLane(v: v128): f32 {
  const two = f32x4.pmax(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmax(two, v128.shuffle<i32>(two, two, 1, 0, 3, 2)), 0);
}
