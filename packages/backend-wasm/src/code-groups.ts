/** Rows [K, dim], one behind the other. */
export interface Rows {
  readonly values: Float32Array;
  readonly dim: number;
}

/** Codes that are near each other, measured by how far they are from all others. */
interface CodeGroup {
  /** Ascending indices. */
  readonly members: Int32Array;
  /** The index of the code at its centre, and the largest distance of a member from that. */
  readonly center: number;
  readonly radius: number;
}

/** A codebook in parts. */
export interface GroupedCodes {
  readonly groups: readonly CodeGroup[];
  /** Codes that belong to none, by their distances from code `from`, which are in `distances`. */
  readonly apart: Int32Array;
  readonly distances: Float64Array;
  readonly from: number;
}

/** Codes that are looked at to learn what is usual, and how many of the pairs among them are taken for near. */
const SAMPLE = 24;
const NEAR_SHARE = 1 / 6;
/** In units of what is near: a group reaches so far. */
const REACH = 32;
const MOST_GROUPS = 32;
/** The exponent of numbers that are not finite. */
const INFINITE = 0x7f800000;
/** Fewer codes are compared one by one. */
const LEAST_MEMBERS = 16;

/** `Σ (x_i - c_i)²` in float64, feature by feature, of row n of x and row k of codes. */
export function squaredDistance(x: Float32Array, n: number, codes: Float32Array, k: number, dim: number): number {
  let sum = 0;
  for (let i = 0, a = n * dim, b = k * dim; i < dim; i++, a++, b++) {
    const difference = (x[a] as number) - (codes[b] as number);
    sum += difference * difference;
  }
  return sum;
}

/** `count` or fewer of the entries, evenly spread. */
function spread(entries: Int32Array, count: number): Int32Array {
  const most = Math.min(count, entries.length);
  return Int32Array.from({ length: most }, (_, i) => entries[Math.floor((i * entries.length) / most)] as number);
}

/**
 * What is near among codes: a sixth of the pairs of a sample differ by no more in any feature. 0 where codes are repeated.
 *
 * @param count of the rows.
 */
export function nearDistance({ values, dim }: Rows, count: number): number {
  const most = Math.min(count, 4 * SAMPLE);
  const sample = Int32Array.from({ length: most }, (_, i) => Math.floor((i * count) / most));
  const repeated = new Set<number>();
  const bits = bitsOf(values);
  for (const k of sample) repeated.add(hashOf(bits, k, dim));
  if (repeated.size < sample.length) return 0;
  const few = spread(sample, SAMPLE / 2);
  const distances: number[] = [];
  few.forEach((a, i) => {
    for (const b of few.subarray(i + 1)) {
      let most = 0;
      for (let i = 0; i < dim; i++) {
        most = Math.max(most, Math.abs((values[a * dim + i] as number) - (values[b * dim + i] as number)));
      }
      distances.push(most);
    }
  });
  return distances.sort((a, b) => a - b)[Math.floor(distances.length * NEAR_SHARE)] ?? 0;
}

/** Of the bits of a row. */
function hashOf(bits: Int32Array, row: number, dim: number): number {
  let hash = 0;
  for (let i = row * dim; i < (row + 1) * dim; i++) {
    hash = (Math.imul(hash ^ (bits[i] as number), 0x9e3779b1) ^ (hash >>> 15)) | 0;
  }
  return hash;
}

function bitsOf({ buffer, byteOffset, length }: Float32Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length);
}

function isFiniteRow(bits: Int32Array, row: number, dim: number): boolean {
  for (let i = row * dim; i < (row + 1) * dim; i++) if (((bits[i] as number) & INFINITE) === INFINITE) return false;
  return true;
}

/** The finite codes, each of several equal ones once: the first. */
function distinctCodes({ values, dim }: Rows): Int32Array {
  const bits = bitsOf(values);
  // By their hash; codes with one hash that are not equal stay, which costs nothing but time.
  const seen = new Map<number, number>();
  const distinct: number[] = [];
  for (let k = 0; k * dim < values.length; k++) {
    if (!isFiniteRow(bits, k, dim)) continue;
    const hash = hashOf(bits, k, dim);
    const other = seen.get(hash);
    if (other === undefined) seen.set(hash, k);
    else if (squaredDistance(values, k, values, other, dim) === 0) continue;
    distinct.push(k);
  }
  return Int32Array.from(distinct);
}

/** Parts codes into groups, each around a code where they are dense, and what is left. */
export function groupCodes(rows: Rows): GroupedCodes {
  const { values, dim } = rows;
  const between = (a: number, b: number): number => Math.sqrt(squaredDistance(values, a, values, b, dim));
  const groups: CodeGroup[] = [];
  const apart: number[] = [];
  let rest = distinctCodes(rows);
  while (rest.length > 0 && groups.length < MOST_GROUPS) {
    const sample = spread(rest, SAMPLE);
    let [center, near] = [sample[0] as number, Number.POSITIVE_INFINITY];
    for (const code of sample) {
      const sorted = Array.from(sample, (other) => between(code, other)).sort((a, b) => a - b);
      const own = sorted[Math.min(sorted.length - 1, Math.ceil(sample.length * NEAR_SHARE))] as number;
      if (own < near) [center, near] = [code, own];
    }
    const [members, others]: [number[], number[]] = [[], []];
    let radius = 0;
    for (const code of rest) {
      const distance = between(center, code);
      if (distance > REACH * near) {
        others.push(code);
        continue;
      }
      members.push(code);
      radius = Math.max(radius, distance);
    }
    if (members.length < LEAST_MEMBERS) apart.push(...members);
    else groups.push({ members: Int32Array.from(members), center, radius });
    rest = Int32Array.from(others);
  }
  for (const code of rest) apart.push(code);
  const from = groups[0]?.center ?? apart[0] ?? 0;
  const distances = new Map(apart.map((code) => [code, between(from, code)]));
  apart.sort((a, b) => (distances.get(a) as number) - (distances.get(b) as number) || a - b);
  return {
    groups,
    apart: Int32Array.from(apart),
    distances: Float64Array.from(apart, (code) => distances.get(code) as number),
    from,
  };
}

/** The nearest codes of tokens so far: indices, and squared distances. */
export interface Nearest {
  readonly indices: Int32Array;
  readonly squares: Float64Array;
}

/** Room for what float64 rounds in a distance of this size. */
const rounding = (size: number): number => 1e-10 * size;

export function offer({ indices, squares }: Nearest, n: number, code: number, square: number): void {
  const least = squares[n] as number;
  if (!(square < least || (square === least && code < (indices[n] as number)))) return;
  squares[n] = square;
  indices[n] = code;
}

/**
 * Compares tokens with the codes that are apart, from those at the token's own distance from `from` outwards: |x - c| is at least the difference
 * of the two distances, and so most are passed over.
 */
export function searchApart(x: Rows, tokens: number, codes: Rows, grouped: GroupedCodes, nearest: Nearest): void {
  const { apart, distances, from } = grouped;
  if (apart.length === 0) return;
  const { dim } = codes;
  for (let n = 0; n < tokens; n++) {
    const own = Math.sqrt(squaredDistance(x.values, n, codes.values, from, dim));
    let [low, high] = [0, apart.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((distances[middle] as number) < own) low = middle + 1;
      else high = middle;
    }
    const visit = (at: number): boolean => {
      const there = distances[at] as number;
      const least = Math.abs(there - own) - rounding(there + own);
      if (least > 0 && least * least > (nearest.squares[n] as number)) return false;
      const code = apart[at] as number;
      offer(nearest, n, code, squaredDistance(x.values, n, codes.values, code, dim));
      return true;
    };
    let [up, down] = [low, low - 1];
    let [goesUp, goesDown] = [true, true];
    while (goesUp || goesDown) {
      goesUp = goesUp && up < apart.length && visit(up++);
      goesDown = goesDown && down >= 0 && visit(down--);
    }
  }
}

/** Whether a group may hold a code nearer than `square`, seen from so far away from its centre. */
export function mayBeNearer(distance: number, radius: number, square: number): boolean {
  const least = distance - radius - rounding(distance + radius);
  return !(least > 0 && least * least > square);
}
