import { exactDistance, searchExactly } from './nearest-exact';

// Behind what nearestCodeExact keeps in the frame of a worker, in bytes: the scores of nearestCodeRough and those of comparePanels, then how many
// tokens wait, which, how low a score of the nearest code can be, how far below the highest, and what has been found.
const ROUGH: usize = 32;
const SCORES: usize = 288;
const WAITING: usize = 416;
const TOKENS: usize = 420;
const LEAST: usize = 448;
const MARGINS: usize = 464;
const NEAREST: usize = 496;
const FOUND: usize = 528;

/** Where nearestCodeRough keeps scores: 256 bytes. */
export function scoresOf(frame: usize): usize {
  return frame + ROUGH;
}

/** Empties the frame. */
export function clearOpen(frame: usize): void {
  store<i32>(frame, 0);
  store<i32>(frame, 0, WAITING);
}

/**
 * Lets a token wait until there are four whose scores leave several codes.
 *
 * @param least below the score of every code that can be the nearest, by the operations of scorePanels.
 * @param margin of marginOfRow.
 * @returns how many tokens were left to searchExactly.
 */
export function searchOpen(
  token: i32,
  least: f64,
  margin: f64,
  queries: usize,
  panels: usize,
  x: usize,
  codes: usize,
  frame: usize,
  indices: usize,
  first: i32,
  dim: i32,
  codeDim: i32,
  count: i32,
): i32 {
  const waiting = load<i32>(frame, WAITING);
  const own = frame + ((<usize>waiting) << 2);
  store<i32>(own, token, TOKENS);
  // Rounded down.
  store<f32>(own, <f32>(least - abs(least) * 1.2e-7 - 1.5e-45), LEAST);
  store<f64>(frame + ((<usize>waiting) << 3), margin, MARGINS);
  store<i32>(frame, waiting + 1, WAITING);
  if (waiting < 3) return 0;
  return searchOpenWaiting(queries, panels, x, codes, frame, indices, first, dim, codeDim, count);
}

/** Scores the tokens that wait once more, and compares them with the codes whose scores are high enough. */
export function searchOpenWaiting(
  queries: usize,
  panels: usize,
  x: usize,
  codes: usize,
  frame: usize,
  indices: usize,
  first: i32,
  dim: i32,
  codeDim: i32,
  count: i32,
): i32 {
  const waiting = load<i32>(frame, WAITING);
  if (waiting === 0) return 0;
  store<i32>(frame, 0, WAITING);
  const rowBytes = (<usize>dim) << 2;
  for (let t = 0; t < 4; t++) {
    const own = frame + ((<usize>t) << 2);
    store<i32>(own, -1, FOUND);
    store<f64>(frame + ((<usize>t) << 3), Infinity, NEAREST);
    if (t < waiting) continue;
    // No score reaches it.
    store<i32>(own, load<i32>(frame, TOKENS), TOKENS);
    store<f32>(own, Infinity, LEAST);
  }
  const x0 = queries + <usize>load<i32>(frame, TOKENS) * rowBytes;
  const x1 = queries + <usize>load<i32>(frame, TOKENS + 4) * rowBytes;
  const x2 = queries + <usize>load<i32>(frame, TOKENS + 8) * rowBytes;
  const x3 = queries + <usize>load<i32>(frame, TOKENS + 12) * rowBytes;
  let isFound = comparePanels(x0, x1, x2, x3, panels, x, codes, frame, rowBytes, codeDim, count);
  for (let t = 0; t < waiting; t++) isFound = isFound && load<i32>(frame + ((<usize>t) << 2), FOUND) >= 0;
  for (let t = 0; t < waiting; t++) {
    const token = load<i32>(frame + ((<usize>t) << 2), TOKENS);
    if (isFound) store<i32>(indices + ((<usize>token) << 2), load<i32>(frame + ((<usize>t) << 2), FOUND));
    else searchExactly(token, x, codes, frame, indices, first, codeDim, count);
  }
  return isFound ? 0 : waiting;
}

/** False where comparing all codes is faster than one by one. Exported for the reason that scorePanels is. */
export function comparePanels(
  x0: usize,
  x1: usize,
  x2: usize,
  x3: usize,
  panels: usize,
  x: usize,
  codes: usize,
  frame: usize,
  rowBytes: usize,
  codeDim: i32,
  count: i32,
): bool {
  let left = 64 + (count >> 1);
  let panel = panels;
  for (let code = 0; code < count; code += 8) {
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
    const h0 = f32x4.ge(f32x4.pmax(c00, c01), v128.load32_splat(frame, LEAST));
    const h1 = f32x4.ge(f32x4.pmax(c10, c11), v128.load32_splat(frame, LEAST + 4));
    const h2 = f32x4.ge(f32x4.pmax(c20, c21), v128.load32_splat(frame, LEAST + 8));
    const h3 = f32x4.ge(f32x4.pmax(c30, c31), v128.load32_splat(frame, LEAST + 12));
    if (v128.any_true(v128.or(v128.or(h0, h1), v128.or(h2, h3)))) {
      v128.store(frame, c00, SCORES);
      v128.store(frame, c01, SCORES + 16);
      v128.store(frame, c10, SCORES + 32);
      v128.store(frame, c11, SCORES + 48);
      v128.store(frame, c20, SCORES + 64);
      v128.store(frame, c21, SCORES + 80);
      v128.store(frame, c30, SCORES + 96);
      v128.store(frame, c31, SCORES + 112);
      left -= compareEight(x, codes, frame, codeDim, code, count);
      if (left < 0) return false;
    }
  }
  return true;
}

/** Compares the tokens with those of eight codes whose scores are high enough, and raises what is enough; gives how many there were. */
function compareEight(x: usize, codes: usize, frame: usize, dim: i32, firstCode: i32, count: i32): i32 {
  const rowBytes = (<usize>dim) << 2;
  let compared = 0;
  for (let t = 0; t < 4; t++) {
    const own = frame + ((<usize>t) << 2);
    const wide = frame + ((<usize>t) << 3);
    const scores = frame + ((<usize>t) << 5);
    let least = load<f32>(own, LEAST);
    const enough = f32x4.splat(least);
    let hits =
      i32x4.bitmask(f32x4.ge(v128.load(scores, SCORES), enough)) |
      (i32x4.bitmask(f32x4.ge(v128.load(scores, SCORES + 16), enough)) << 4);
    if (hits === 0) continue;
    const row = x + <usize>load<i32>(own, TOKENS) * rowBytes;
    for (; hits !== 0; hits &= hits - 1) {
      const lane = ctz(hits);
      const code = firstCode + lane;
      if (code >= count) break;
      compared++;
      const score = load<f32>(scores + ((<usize>lane) << 2), SCORES);
      least = max(least, <f32>(<f64>score - load<f64>(wide, MARGINS)));
      const distance = exactDistance(row, codes + <usize>code * rowBytes, dim);
      // Strictly: codes come in ascending order.
      if (distance >= load<f64>(wide, NEAREST)) continue;
      store<f64>(wide, distance, NEAREST);
      store<i32>(own, code, FOUND);
    }
    store<f32>(own, least, LEAST);
  }
  return compared;
}
