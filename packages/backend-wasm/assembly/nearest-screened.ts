import { nearestCode } from './nearest';
import { exactDistance, exactFrameOf, searchExactly, searchWaiting } from './nearest-exact';
import { clearOpen, searchOpen, searchOpenWaiting } from './nearest-open';
import { marginOfRow } from './round';
import { candidateCount, candidateIndex, frameOf, GROUPS, leastScore, screenGroups } from './screen';

/** Below every score. */
const LOWEST: f64 = -3e38;

/**
 * The same indices as nearestCode, bit for bit, from about half the arithmetic: screenGroups finds the codes that can win, nearly always
 * one, and where there are several they are scored as nearestCode scores them.
 *
 * Where there are many (codes that are equal or nearly so), nearestCode itself searches for the group of four tokens; where that happens
 * often, for the rest of the groups.
 *
 * @param panels from packCodes; the others as in screenGroups. Units: groups of four tokens.
 */
export function nearestCodeScreened(
  x: usize,
  panels: usize,
  rounded: usize,
  measures: usize,
  frames: usize,
  indices: usize,
  tokens: i32,
  dim: i32,
  panelCount: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  let strict = 0;
  for (let first = begin; first < end; first += GROUPS) {
    const groups = min(GROUPS, end - first);
    const screened = strict < 8 || 4 * strict < first - begin;
    if (screened) screenGroups(x, rounded, measures, frames, tokens, dim, panelCount, first, groups, worker, 0);
    for (let g = 0; g < groups; g++) {
      const frame = frameOf(frames, worker, g, dim);
      const group = first + g;
      if (screened && settle(x, panels, frame, indices, tokens, dim, panelCount, group)) continue;
      strict++;
      nearestCode(x, panels, indices, tokens, dim, panelCount, group, group + 1, worker);
    }
  }
}

/** Stores the indices of four tokens; false where nearestCode is needed, or faster than scoring candidates one by one. */
function settle(
  x: usize,
  panels: usize,
  frame: usize,
  indices: usize,
  tokens: i32,
  dim: i32,
  panelCount: i32,
  group: i32,
): bool {
  const first = group << 2;
  for (let t = 0; t < min(4, tokens - first); t++) {
    const count = candidateCount(frame, t);
    if (count < 0 || (count > 1 && 2 * count > panelCount)) return false;
    let winner = count === 0 ? 0 : candidateIndex(frame, t, 0);
    if (count > 1) {
      const row = x + <usize>(first + t) * ((<usize>dim) << 2);
      let best: f32 = -Infinity;
      for (let i = 0; i < count; i++) {
        const index = candidateIndex(frame, t, i);
        const score = strictScore(row, panels, dim, index);
        if (score <= best) continue;
        best = score;
        winner = index;
      }
    }
    store<i32>(indices + ((<usize>(first + t)) << 2), winner);
  }
  return true;
}

/** A score by nearestCode's operations in its order. */
function strictScore(row: usize, panels: usize, dim: i32, code: i32): f32 {
  let at = panels + <usize>(code >> 3) * ((<usize>dim + 1) << 5) + ((<usize>(code & 7)) << 2);
  let score = load<f32>(at);
  const end = row + ((<usize>dim) << 2);
  for (; row < end; row += 4) {
    at += 32;
    score = score + load<f32>(row) * load<f32>(at);
  }
  return score;
}

/**
 * The indices of nearestCodeExact, bit for bit: screenGroups leaves the codes that can be the nearest, nearly always one, and where there are
 * several their distances are compared in float64. Where there are many, searchOpen scores them in float32, and where that happens often, all
 * that follow; where it leaves many too, or a token cannot be scored, nearestCodeExact's loop searches.
 *
 * @param queries what is screened, with `panels`, `rounded` and `measures`; the others as in nearestCodeExact. Units: groups of four tokens.
 */
export function nearestCodeSettled(
  queries: usize,
  panels: usize,
  rounded: usize,
  measures: usize,
  frames: usize,
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
  const own = exactFrameOf(exactFrames, worker, codeDim);
  const rowBytes = (<usize>codeDim) << 2;
  clearOpen(own);
  let open = 0;
  let exactly = 0;
  for (let first = begin; first < end; first += GROUPS) {
    const groups = min(GROUPS, end - first);
    const screened = open < 32 || open < first - begin;
    if (screened) {
      screenGroups(queries, rounded, measures, frames, tokens, dim, panelCount, first, groups, worker, reach);
    }
    const firstToken = first << 2;
    for (let i = 0; i < min(groups << 2, tokens - firstToken); i++) {
      const token = firstToken + i;
      const frame = frameOf(frames, worker, i >> 2, dim);
      const candidates = screened ? candidateCount(frame, i & 3) : -1;
      if (candidates < 1 || (candidates > 1 && 2 * candidates > panelCount)) {
        open++;
        const scored = exactly < 32 || 2 * exactly < open;
        const query = queries + <usize>token * ((<usize>dim) << 2);
        const margin = scored
          ? marginOfRow(query, dim, measures, reach === 0 ? 0 : reach + ((<usize>token) << 2))
          : NaN;
        if (margin < 1e30) {
          const least: f64 = screened ? max(leastScore(frame, i & 3), LOWEST) : LOWEST;
          exactly += searchOpen(
            token,
            least,
            margin,
            queries,
            panels,
            x,
            codes,
            own,
            indices,
            firstCode,
            dim,
            codeDim,
            count,
          );
        } else {
          exactly++;
          searchExactly(token, x, codes, own, indices, firstCode, codeDim, count);
        }
        continue;
      }
      let winner = candidateIndex(frame, i & 3, 0);
      if (candidates > 1) {
        const row = x + <usize>token * rowBytes;
        let nearest = exactDistance(row, codes + <usize>winner * rowBytes, codeDim);
        for (let c = 1; c < candidates; c++) {
          const index = candidateIndex(frame, i & 3, c);
          const distance = exactDistance(row, codes + <usize>index * rowBytes, codeDim);
          if (distance >= nearest) continue;
          nearest = distance;
          winner = index;
        }
      }
      store<i32>(indices + ((<usize>token) << 2), winner);
    }
  }
  searchOpenWaiting(queries, panels, x, codes, own, indices, firstCode, dim, codeDim, count);
  searchWaiting(x, codes, own, indices, firstCode, codeDim, count);
}
