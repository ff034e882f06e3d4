import { nearestCode } from './nearest';
import { candidateCount, candidateIndex, frameOf, GROUPS, screenGroups } from './screen';

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
    if (screened) screenGroups(x, rounded, measures, frames, tokens, dim, panelCount, first, groups, worker);
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
 * The codes that can be the nearest, for searches in higher precision: for each token `most + 1` integers, the number of its candidates and
 * the first `most` of their indices, ascending. The number is 0 for a token that is not usable and -1 where there are too many.
 * Units: groups of four tokens.
 */
export function candidateCodes(
  x: usize,
  rounded: usize,
  measures: usize,
  frames: usize,
  candidates: usize,
  most: i32,
  tokens: i32,
  dim: i32,
  panelCount: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  for (let first = begin; first < end; first += GROUPS) {
    const groups = min(GROUPS, end - first);
    screenGroups(x, rounded, measures, frames, tokens, dim, panelCount, first, groups, worker);
    const firstToken = first << 2;
    for (let i = 0; i < min(groups << 2, tokens - firstToken); i++) {
      const frame = frameOf(frames, worker, i >> 2, dim);
      const to = candidates + <usize>(firstToken + i) * <usize>(most + 1) * 4;
      const count = candidateCount(frame, i & 3);
      store<i32>(to, count);
      for (let c = 0; c < min(count, most); c++) store<i32>(to + ((<usize>c) << 2), candidateIndex(frame, i & 3, c), 4);
    }
  }
}
