import type { RowEncoder } from '@vqkit/core-tensor/codec';
import { createLineSearch } from '@vqkit/core-tensor/plain-search';
import {
  type GroupedCodes,
  groupCodes,
  mayBeNearer,
  type Nearest,
  nearDistance,
  offer,
  type Rows,
  searchApart,
  squaredDistance,
} from './code-groups.ts';

/** Where the functions of assembly/ work: the engine, or a codec's own memory. */
export interface SearchHost {
  readonly threads: number;
  call(name: string, ...args: number[]): number;
  run(name: string, units: number, ...args: number[]): void;
  floats(address: number, count: number): Float32Array;
}

/** Scores that stand for distances in a space of their own, by addresses: the nearest code of highest ⟨query, key⟩ + bias, or nearly. */
export interface ScoredSpace {
  readonly width: number;
  /** [K, width] and [K]. */
  readonly keys: number;
  readonly bias: number;
  /** How far a score may be from (|x|² - |x - c|²)/2 + constant: slack[0] + slack[1] · reach + slack[2] · reach². */
  readonly slack: readonly [number, number, number];
}

/** K codes [K, dim] at an address, and their scores where these are not those of the codes themselves. */
export interface SearchedCodes {
  readonly codes: number;
  readonly count: number;
  readonly dim: number;
  readonly space?: ScoredSpace | undefined;
  /** Each stands for the values of the codes, or of their scores: what is found out about them is kept with the first. */
  readonly identities?: readonly [object, ...object[]] | undefined;
}

/** Tokens [N, dim]; where the codes have a space, their queries [N, width] and their reaches [N], or x - o [N, dim], whose lengths these are. */
interface SearchedTokens {
  readonly x: number;
  readonly tokens: number;
  readonly queries?: number;
  readonly reach?: number;
  readonly moved?: number;
}

/** Codes that are ready to be searched. */
interface CodeSearch {
  /** Bytes that {@link CodeSearch.search} needs for so many tokens. */
  scratchBytes(tokens: number): number;
  /** Writes int32 [N] at `indices`. */
  search(tokens: SearchedTokens, scratch: number, indices: number): void;
}

/** How codes are going to be searched. */
export interface SearchPlan {
  /** Bytes that it needs for the codes, and what brings them there into the form in which they are searched. */
  readonly bytes: number;
  prepare(at: number): CodeSearch;
}

type Way = 'exact' | 'rough' | 'screened';

/** The widest vectors that the proof in assembly/screen.ts holds for. */
const WIDEST = 4096;
/** Panel numbers of so many codes still leave room for a score beside them. */
const MOST_ROUGH = 2 ** 15;
/** Of the measures of assembly/round.ts, and where the slack of scores is in them. */
const MEASURES_BYTES = 64;
const SLACK = 24;
/** How much further than what is near among codes (nearDistance) the furthest may be for each way of searching. */
const SPREAD: Readonly<Record<Way, number>> = { exact: Number.POSITIVE_INFINITY, rough: 2 ** 12, screened: 2 ** 6 };
/** Elements of so few codes that comparing all is faster than putting them into groups. */
const LEAST_GROUPED = 512;
/** Tokens so few that comparing all codes is faster than bringing these into another form. */
const FEW = 16;
/** From so many codes of one feature on, halving in JavaScript is faster than comparing all. */
const LINE = 256;

const aligned = (bytes: number): number => 16 * Math.ceil(bytes / 16);

/**
 * Rounding to 16-bit integers pays where the codes are many and wide, and not for few tokens, because all codes are rounded first. Measured by
 * bench/nearest.mjs.
 */
function wayOf(tokens: number, count: number, width: number, dim = width): Way {
  // Scores in a far narrower space pay for one token too.
  const few = tokens <= FEW && dim < 4 * width;
  if (count <= 4 || few || width > WIDEST) return 'exact';
  if (tokens >= 64 && count * width >= 8192 && width >= 2) return 'screened';
  return count <= MOST_ROUGH ? 'rough' : 'exact';
}

/**
 * Plans a search of codes, which must stay where they are. The indices are those of the smallest Σ (x - c)² in float64, the lowest of equal
 * ones, whatever the codes; how it is planned decides how fast.
 *
 * @param tokens about how many tokens are to be searched at a time.
 */
export function planSearch(host: SearchHost, book: SearchedCodes, tokens: number): SearchPlan {
  const { count, dim, space } = book;
  if (space?.slack.every(Number.isFinite)) return planEven(host, book, wayOf(tokens, count, space.width, dim));
  if (dim === 1 && count >= LINE) return planLine(host, book);
  const way = wayOf(tokens, count, dim);
  const bare = { ...book, space: undefined };
  if (way === 'exact' || count * dim < LEAST_GROUPED) return planEven(host, bare, way);
  const grouped = groupsOf(host, bare, way);
  return grouped ? planGroups(host, bare, tokens, grouped) : planEven(host, bare, way);
}

/** What is kept with the identity of codes. */
const knownGroups = new WeakMap<object, Partial<Record<Way, GroupedCodes | 'even'>>>();
const knownLines = new WeakMap<object, RowEncoder>();
const knownFrames = new WeakMap<object, Frame[]>();

/** What is found out about codes of one origin and one scale, or of scores in a space. */
interface Frame {
  readonly way: Way;
  readonly identities: readonly object[];
  readonly used: Way;
  readonly factor: number;
  readonly first: number;
  /** Measures, then the origin. */
  readonly values: Float32Array;
}

function frameOf({ identities }: SearchedCodes, way: Way): Frame | undefined {
  if (!identities) return undefined;
  return knownFrames
    .get(identities[0])
    ?.find((frame) => frame.way === way && frame.identities.every((own, i) => own === identities[i]));
}

function keepFrame({ identities }: SearchedCodes, frame: Omit<Frame, 'identities'>): void {
  if (!identities) return;
  const others = (knownFrames.get(identities[0]) ?? []).filter(({ way }) => way !== frame.way);
  knownFrames.set(identities[0], [...others, { ...frame, identities }]);
}

/** Codes of one feature in their order. */
function planLine(host: SearchHost, { codes, count, identities }: SearchedCodes): SearchPlan {
  const identity = identities?.[0];
  const find = (identity && knownLines.get(identity)) ?? createLineSearch(host.floats(codes, count));
  if (identity) knownLines.set(identity, find);
  return {
    bytes: 0,
    prepare: () => ({
      scratchBytes: () => 0,
      search({ x, tokens }, _, indices) {
        const rows = host.floats(x, tokens);
        find(rows, new Int32Array(rows.buffer, indices, tokens), tokens);
      },
    }),
  };
}

/** The codes in groups, unless one origin and one scale are enough for all. */
function groupsOf(
  host: SearchHost,
  { codes, count, dim, identities }: SearchedCodes,
  way: Way,
): GroupedCodes | undefined {
  const identity = identities?.[0];
  const before = identity && knownGroups.get(identity);
  let found = before?.[way];
  if (found === undefined) {
    const rows: Rows = { values: host.floats(codes, count * dim), dim };
    const near = nearDistance(rows, count);
    // From the first code: where that is far away, so is another.
    const furthest = host.call('largestFrom', codes, codes, count, dim);
    const isEven = near > 0 && furthest <= SPREAD[way] * near;
    found = isEven ? 'even' : groupCodes(rows);
    if (identity) knownGroups.set(identity, { ...before, [way]: found });
  }
  return found === 'even' ? undefined : found;
}

/** One origin and one scale, or scores in a space. */
function planEven(host: SearchHost, book: SearchedCodes, way: Way): SearchPlan {
  const { codes, count, dim, space } = book;
  const width = space?.width ?? dim;
  const panels = Math.ceil(count / 8);
  const originBytes = MEASURES_BYTES + aligned(4 * dim);
  const packedBytes = 32 * panels * (width + 1);
  const roundedBytes = 32 * panels * (Math.ceil(width / 2) + 1);
  // 32 bytes per feature, added here: from 2^26 features on they leave the function's 32 bits.
  const exactBytes = aligned(host.call('exactFrameBytes', 0) + 32 * dim) * host.threads;
  const frameBytes = way === 'screened' ? aligned(host.call('screenedFrameBytes', width)) * host.threads : 0;
  const rowBytes = way === 'exact' ? 0 : space ? 4 : 4 * dim;
  return {
    bytes: way === 'exact' ? 0 : originBytes + packedBytes + roundedBytes,
    prepare(measures) {
      const origin = measures + MEASURES_BYTES;
      const packed = measures + originBytes;
      const rounded = packed + packedBytes;
      const known = frameOf(book, way);
      const first = known?.first ?? host.call('firstFinite', codes, count, dim);
      let factor = known?.factor ?? 1;
      let used = known?.used ?? way;
      if (known) {
        host.floats(measures, known.values.length).set(known.values);
      } else if (way !== 'exact' && !space) {
        host.call('meanRow', codes, origin, count, dim);
        const largest = host.call('largestFrom', codes, origin, count, dim);
        // Where a sum or a difference overflows.
        if (!Number.isFinite(largest)) used = 'exact';
        // A power of two brings all keys to a magnitude of at most 2, so that no square overflows or underflows.
        factor = 2 ** -Math.max(-126, Math.min(126, Math.floor(Math.log2(largest || 1))));
      }
      if (used !== 'exact' && space) host.run('packCodes', panels, space.keys, space.bias, packed, count, width);
      else if (used !== 'exact') host.run('packCentered', panels, codes, origin, packed, factor, count, dim);
      if (used !== 'exact' && !known) {
        host.call('measureCodes', packed, measures, width, panels);
        if (space) new Float64Array(host.floats(measures, 0).buffer, measures + SLACK, 3).set(space.slack);
      }
      if (!known) {
        const values = way === 'exact' ? new Float32Array(0) : host.floats(measures, originBytes / 4).slice();
        keepFrame(book, { way, used, factor, first, values });
      }
      if (used === 'screened') host.run('roundCodes', panels, packed, rounded, measures, width);
      return {
        scratchBytes: (n) => exactBytes + frameBytes + rowBytes * n,
        search({ x, tokens: n, queries, reach, moved }, scratch, indices) {
          const groups = Math.ceil(n / 4);
          if (used === 'exact') {
            host.run('nearestCodeExact', groups, x, codes, scratch, indices, first, n, dim, count);
            return;
          }
          const frames = scratch + exactBytes;
          const own = frames + frameBytes;
          const rows = space && queries ? queries : own;
          if (space && moved) host.run('rowLengths', n, moved, own, dim);
          if (!space) host.run('centerRows', n, x, origin, rows, factor, dim);
          const exact = [x, codes, scratch, space ? (reach ?? own) : 0, indices, first, n, width, dim, count] as const;
          if (used === 'screened') {
            host.run('nearestCodeSettled', groups, rows, packed, rounded, measures, frames, ...exact);
          } else {
            host.run('nearestCodeRough', groups, rows, packed, measures, ...exact);
          }
        },
      };
    },
  };
}

/** Element by element: for a few features a view of each row costs far more. */
function copyRows(from: Float32Array, rows: Int32Array, count: number, to: Float32Array, dim: number): void {
  for (let i = 0, k = 0; i < count; i++) {
    for (let j = 0, at = (rows[i] as number) * dim; j < dim; j++) to[k++] = from[at++] as number;
  }
}

/** An origin and a scale for each group of codes, and one by one those that are in none. */
function planGroups(
  host: SearchHost,
  { codes, count, dim }: SearchedCodes,
  tokens: number,
  grouped: GroupedCodes,
): SearchPlan {
  const codesNow = (): Rows => ({ values: host.floats(codes, count * dim), dim });
  const first = host.call('firstFinite', codes, count, dim);
  let end = 0;
  const parts = grouped.groups.map((group) => {
    const { length } = group.members;
    const rows = end;
    end += aligned(4 * length * dim);
    return { group, rows, length };
  });
  // Each plans for its own copies, which are not there yet: groups are even.
  const plans = parts.map(({ length }) => ({ way: wayOf(tokens, length, dim), at: 0 }));
  for (const [g, plan] of plans.entries()) {
    plan.at = end;
    end += aligned(
      planEven(host, { codes: 0, count: (parts[g] as (typeof parts)[number]).length, dim }, plan.way).bytes,
    );
  }
  return {
    bytes: end,
    prepare(at) {
      const searches = parts.map(({ group, rows, length }, g) => {
        const { values } = codesNow();
        const copies = host.floats(at + rows, length * dim);
        copyRows(values, group.members, length, copies, dim);
        const { way, at: place } = plans[g] as (typeof plans)[number];
        const own = { codes: at + rows, count: length, dim, identities: [group] as const };
        return { group, search: planEven(host, own, way).prepare(at + place) };
      });
      const rowBytes = (n: number): number => aligned(4 * n * dim) + aligned(4 * n);
      return {
        scratchBytes: (n) => rowBytes(n) + Math.max(0, ...searches.map(({ search }) => search.scratchBytes(n))),
        search({ x: from, tokens: n }, scratch, to) {
          const x: Rows = { values: host.floats(from, n * dim), dim };
          const book = codesNow();
          const indices = new Int32Array(x.values.buffer, to, n).fill(first);
          const nearest: Nearest = { indices, squares: new Float64Array(n).fill(Number.POSITIVE_INFINITY) };
          searchApart(x, n, book, grouped, nearest);
          const away = searches.map(() => new Float64Array(n));
          const home = new Int32Array(n);
          for (let t = 0; t < n; t++) {
            let least = Number.POSITIVE_INFINITY;
            for (let g = 0; g < searches.length; g++) {
              const { center } = (searches[g] as (typeof searches)[number]).group;
              const own = Math.sqrt(squaredDistance(x.values, t, book.values, center, dim));
              (away[g] as Float64Array)[t] = own;
              if (own < least) [least, home[t]] = [own, g];
            }
          }
          const rows = new Int32Array(n);
          const foundAt = scratch + aligned(4 * n * dim);
          for (const atHome of [true, false]) {
            for (const [g, { group, search }] of searches.entries()) {
              const own = away[g] as Float64Array;
              let here = 0;
              for (let t = 0; t < n; t++) {
                if ((home[t] === g) !== atHome) continue;
                if (mayBeNearer(own[t] as number, group.radius, nearest.squares[t] as number)) rows[here++] = t;
              }
              if (here === 0) continue;
              const taken = host.floats(scratch, here * dim);
              copyRows(x.values, rows, here, taken, dim);
              search.search({ x: scratch, tokens: here }, scratch + rowBytes(n), foundAt);
              const found = new Int32Array(x.values.buffer, foundAt, here);
              for (let i = 0; i < here; i++) {
                const [t, code] = [rows[i] as number, group.members[found[i] as number] as number];
                offer(nearest, t, code, squaredDistance(x.values, t, book.values, code, dim));
              }
            }
          }
        },
      };
    },
  };
}
