import { rowOf } from './nearest';
import { roundToken, slackAt } from './round';

/** Candidates of a token that are kept at a time. */
const MOST: i32 = 64;
/** Groups of four tokens that meet a block of codes while it is in the second-level cache, and about as many bytes of codes. */
export const GROUPS: i32 = 8;
const BLOCK: i32 = 1 << 17;

// The frame of a group, in bytes.
const INVERSES: usize = 0;
const THRESHOLDS: usize = 16;
const COUNTS: usize = 32;
const MARGINS: usize = 48;
const SCORES: usize = 80;
/** Whether the group is still screened. */
const OPEN: usize = 208;
/** For each token up to MOST candidates: index and rounded score. */
const CANDIDATES: usize = 224;
const ROUNDED: usize = 2272;

function frameBytes(dim: i32): usize {
  return ROUNDED + ((<usize>((dim + 1) >> 1)) << 4);
}

/** Bytes of the frames that each worker needs. What is screened has at most 4096 features; from 2^26 on they would leave 32 bits. */
export function screenedFrameBytes(dim: i32): i32 {
  return GROUPS * <i32>frameBytes(dim);
}

/** The frame of one of a worker's groups. */
export function frameOf(frames: usize, worker: i32, group: i32, dim: i32): usize {
  return frames + <usize>(worker * GROUPS + group) * frameBytes(dim);
}

/**
 * Finds the candidates of up to GROUPS groups of four tokens: all codes whose score, by nearestCode or exact, can be the highest. Scores
 * are of 16-bit integers, which are multiplied and added up in pairs, twice as many at a time as float32.
 *
 * Why no other code can win, for every input with dim <= 4096. Let t be a token and s its scale, k a code and r the codes' scale, both of
 * them rounded: T = round(s t) = s t + δ, K = round(r k) = r k + ε, every |δ_i| and |ε_i| <= h = 0.501. As a sum of integers ⟨T, K⟩ is
 * exact: |T| |K| < 2^31 by the choice of the scales. The rounded score is A = bias + ⟨T, K⟩ / (s r), the exact one X = bias + ⟨t, k⟩, and
 * nearestCode's S. With u = 2^-24 and d = dim:
 *
 * - |S - X| <= γ_(d+1) (|bias| + |t| |k|), and d · 2^-150 where products underflow;
 * - |⟨T, K⟩ - s r ⟨t, k⟩| = |⟨s t, ε⟩ + ⟨δ, K⟩| <= h √d (|s t| + |K|), by Cauchy and Schwarz;
 * - converting the sum to float32, multiplying it and adding the bias move A by at most 4.1 u (|bias| + |T| |K| / (s r)).
 *
 * So |A - S| <= E, where E takes the longest code and the largest bias, and (d + 8) 2u for γ_(d+1) + 4.1 u; the rest is slack for the
 * rounding of E and of thresholds, and more than enough for tokens, codes and biases that were rounded to float32 before, of which X is
 * exact. The code w with the highest S, or X, has A_w >= S_w - E >= S_m - E >= A_m - 2E for the code m of the highest A. So do all that tie
 * with it. Hence the candidates: all codes with A >= (highest A so far) - 2E. Unusable codes have A = S = their bias.
 *
 * The smallest Σ (x - c)² in float64 may be that of yet another code where X is nearly equal: those sums are off by less than
 * (d + 2) 2^-53 (|t| + |k|)², which E takes four times.
 *
 * @param rounded from roundCodes, `measures` from measureCodes.
 * @param reach [tokens], or 0: X itself is up to SLACK + (SLACK_PER_REACH + SLACK_PER_SQUARE · reach) · reach off, which E takes besides.
 * @param first the first group; its frame is group 0 of the worker's.
 */
export function screenGroups(
  x: usize,
  rounded: usize,
  measures: usize,
  frames: usize,
  tokens: i32,
  dim: i32,
  panelCount: i32,
  first: i32,
  groups: i32,
  worker: i32,
  reach: usize,
): void {
  const block = max(1, BLOCK / ((((dim + 1) >> 1) + 1) << 5));
  for (let g = 0; g < groups; g++) {
    roundGroup(x, measures, frameOf(frames, worker, g, dim), tokens, dim, first + g, reach);
  }
  for (let p = 0; p < panelCount; p += block) {
    for (let g = 0; g < groups; g++) {
      const frame = frameOf(frames, worker, g, dim);
      if (!load<i32>(frame, OPEN)) continue;
      store<i32>(frame, screen(rounded, frame, dim, p, min(panelCount, p + block)), OPEN);
    }
  }
}

function roundGroup(x: usize, measures: usize, frame: usize, tokens: i32, dim: i32, group: i32, reach: usize): void {
  for (let t: usize = 0; t < 4; t++) {
    const row = rowOf(x, (group << 2) + <i32>t, tokens - 1, (<usize>dim) << 2);
    const own = frame + (t << 2);
    const margin = frame + MARGINS + (t << 3);
    let usable = roundToken(row, dim, own + ROUNDED, measures, own + INVERSES, margin);
    if (reach !== 0) {
      const own = reach + ((<usize>min((group << 2) + <i32>t, tokens - 1)) << 2);
      store<f64>(margin, load<f64>(margin) + slackAt(measures, own));
      // Where it is not a finite number, no code is left out.
      usable = usable && load<f64>(margin) < 1e300;
    }
    store<f32>(own, usable ? -Infinity : Infinity, THRESHOLDS);
    store<i32>(own, 0, COUNTS);
  }
  store<i32>(frame, 1, OPEN);
}

/** Collects the candidates of four tokens among the codes of some panels, eight at a time; false where they are too many. */
function screen(rounded: usize, frame: usize, dim: i32, firstPanel: i32, endPanel: i32): bool {
  const tokensStart = frame + ROUNDED;
  const tokensEnd = tokensStart + ((<usize>((dim + 1) >> 1)) << 4);
  let panel = rounded + <usize>firstPanel * ((<usize>(((dim + 1) >> 1) + 1)) << 5);
  for (let p = firstPanel; p < endPanel; p++) {
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    let c00 = i32x4.splat(0);
    let c01 = c00;
    let c10 = c00;
    let c11 = c00;
    let c20 = c00;
    let c21 = c00;
    let c30 = c00;
    let c31 = c00;
    panel += 32;
    for (let at = tokensStart; at < tokensEnd; at += 16) {
      const w0 = v128.load(panel);
      const w1 = v128.load(panel, 16);
      const v0 = v128.load32_splat(at);
      const v1 = v128.load32_splat(at, 4);
      const v2 = v128.load32_splat(at, 8);
      const v3 = v128.load32_splat(at, 12);
      c00 = i32x4.add(c00, i32x4.dot_i16x8_s(v0, w0));
      c01 = i32x4.add(c01, i32x4.dot_i16x8_s(v0, w1));
      c10 = i32x4.add(c10, i32x4.dot_i16x8_s(v1, w0));
      c11 = i32x4.add(c11, i32x4.dot_i16x8_s(v1, w1));
      c20 = i32x4.add(c20, i32x4.dot_i16x8_s(v2, w0));
      c21 = i32x4.add(c21, i32x4.dot_i16x8_s(v2, w1));
      c30 = i32x4.add(c30, i32x4.dot_i16x8_s(v3, w0));
      c31 = i32x4.add(c31, i32x4.dot_i16x8_s(v3, w1));
      panel += 32;
    }
    const s0 = v128.load32_splat(frame, INVERSES);
    const s1 = v128.load32_splat(frame, INVERSES + 4);
    const s2 = v128.load32_splat(frame, INVERSES + 8);
    const s3 = v128.load32_splat(frame, INVERSES + 12);
    c00 = f32x4.add(b0, f32x4.mul(f32x4.convert_i32x4_s(c00), s0));
    c01 = f32x4.add(b1, f32x4.mul(f32x4.convert_i32x4_s(c01), s0));
    c10 = f32x4.add(b0, f32x4.mul(f32x4.convert_i32x4_s(c10), s1));
    c11 = f32x4.add(b1, f32x4.mul(f32x4.convert_i32x4_s(c11), s1));
    c20 = f32x4.add(b0, f32x4.mul(f32x4.convert_i32x4_s(c20), s2));
    c21 = f32x4.add(b1, f32x4.mul(f32x4.convert_i32x4_s(c21), s2));
    c30 = f32x4.add(b0, f32x4.mul(f32x4.convert_i32x4_s(c30), s3));
    c31 = f32x4.add(b1, f32x4.mul(f32x4.convert_i32x4_s(c31), s3));
    const h0 = f32x4.ge(f32x4.pmax(c00, c01), v128.load32_splat(frame, THRESHOLDS));
    const h1 = f32x4.ge(f32x4.pmax(c10, c11), v128.load32_splat(frame, THRESHOLDS + 4));
    const h2 = f32x4.ge(f32x4.pmax(c20, c21), v128.load32_splat(frame, THRESHOLDS + 8));
    const h3 = f32x4.ge(f32x4.pmax(c30, c31), v128.load32_splat(frame, THRESHOLDS + 12));
    if (v128.any_true(v128.or(v128.or(h0, h1), v128.or(h2, h3)))) {
      v128.store(frame, c00, SCORES);
      v128.store(frame, c01, SCORES + 16);
      v128.store(frame, c10, SCORES + 32);
      v128.store(frame, c11, SCORES + 48);
      v128.store(frame, c20, SCORES + 64);
      v128.store(frame, c21, SCORES + 80);
      v128.store(frame, c30, SCORES + 96);
      v128.store(frame, c31, SCORES + 112);
      if (!note(frame, p << 3)) return false;
    }
  }
  return true;
}

/** Adds those of eight codes that reach a token's threshold to its candidates, and raises the threshold. */
function note(frame: usize, firstCode: i32): bool {
  for (let t = 0; t < 4; t++) {
    const own = frame + ((<usize>t) << 2);
    const scores = frame + ((<usize>t) << 5);
    let threshold = load<f32>(own, THRESHOLDS);
    const least = f32x4.splat(threshold);
    let hits =
      i32x4.bitmask(f32x4.ge(v128.load(scores, SCORES), least)) |
      (i32x4.bitmask(f32x4.ge(v128.load(scores, SCORES + 16), least)) << 4);
    if (hits === 0) continue;
    const margin = load<f64>(frame + ((<usize>t) << 3), MARGINS);
    let count = load<i32>(own, COUNTS);
    for (; hits !== 0; hits &= hits - 1) {
      const lane = ctz(hits);
      const score = load<f32>(scores + ((<usize>lane) << 2), SCORES);
      if (count === MOST) {
        count = keepCandidates(frame, t, threshold, count);
        if (count === MOST) return false;
      }
      const to = candidate(frame, t, count++);
      store<i32>(to, firstCode + lane);
      store<f32>(to, score, 4);
      threshold = max(threshold, <f32>(<f64>score - margin));
    }
    store<f32>(own, threshold, THRESHOLDS);
    store<i32>(own, count, COUNTS);
  }
  return true;
}

function candidate(frame: usize, token: i32, i: i32): usize {
  return frame + CANDIDATES + ((<usize>(token * MOST + i)) << 3);
}

/** Drops the candidates below the threshold, which has risen since they came. */
function keepCandidates(frame: usize, token: i32, threshold: f32, count: i32): i32 {
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const from = candidate(frame, token, i);
    if (load<f32>(from, 4) < threshold) continue;
    store<i64>(candidate(frame, token, kept++), load<i64>(from));
  }
  return kept;
}

/** Below the score in float32 of every code that can be a token's nearest, whether all codes were screened or not. */
export function leastScore(frame: usize, token: i32): f64 {
  const margin = load<f64>(frame + ((<usize>token) << 3), MARGINS);
  return <f64>load<f32>(frame + ((<usize>token) << 2), THRESHOLDS) - margin;
}

/** The number of a token's candidates: 0 where it is not usable, -1 where there were too many. */
export function candidateCount(frame: usize, token: i32): i32 {
  if (!load<i32>(frame, OPEN)) return -1;
  const own = frame + ((<usize>token) << 2);
  const count = keepCandidates(frame, token, load<f32>(own, THRESHOLDS), load<i32>(own, COUNTS));
  store<i32>(own, count, COUNTS);
  return count;
}

/** The index of one of them; they are in ascending order. */
export function candidateIndex(frame: usize, token: i32, i: i32): i32 {
  return load<i32>(candidate(frame, token, i));
}
