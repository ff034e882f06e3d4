import { storeColumns } from './store';

/** Tokens of one unit of work. */
const BLOCK: i32 = 512;

/**
 * Whether indices are those of a token: each in [0, size) or -1, and no index after -1; without `dropout` -1 in all or in none.
 */
function isToken(indices: usize, sizes: usize, layers: i32, dropout: i32): bool {
  let absent = false;
  for (let j = 0; j < layers; j++) {
    const at = (<usize>j) << 2;
    const index = load<i32>(indices + at);
    if (index === -1) {
      if (!absent && j > 0 && dropout === 0) return false;
      absent = true;
    } else if (absent || <u32>index >= load<u32>(sizes + at)) return false;
  }
  return true;
}

function fillNaN(to: usize, width: usize): void {
  for (let at: usize = 0; at < width; at += 4) store<f32>(to + at, NaN);
}

/**
 * The sum over layers of rows of their codebooks, [tokens, layers] → [tokens, dim]. `table` has an address and a number of codes for each
 * layer, one list after the other; `room` is 4 · (layers + dim) bytes per worker: where the rows of a token are, and a row of zeros for a
 * layer of index -1. NaN for what is no token. Units: blocks of 512 tokens.
 */
export function gatherSum(
  indices: usize,
  out: usize,
  table: usize,
  room: usize,
  tokens: i32,
  dim: i32,
  layers: i32,
  dropout: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const width = (<usize>dim) << 2;
  const row = (<usize>layers) << 2;
  const rows = room + <usize>worker * (row + width);
  const zeros = rows + row;
  memory.fill(zeros, 0, width);
  const last = min(tokens, end * BLOCK);
  let to = out + <usize>(begin * BLOCK) * width;
  for (let n = begin * BLOCK; n < last; n++, to += width) {
    const own = indices + <usize>n * row;
    if (!isToken(own, table + row, layers, dropout)) {
      fillNaN(to, width);
      continue;
    }
    for (let at: usize = 0; at < row; at += 4) {
      const index = load<i32>(own + at);
      store<usize>(rows + at, index < 0 ? zeros : load<usize>(table + at) + <usize>index * width);
    }
    addRows(rows, row, to, width);
  }
}

/** The sum of rows whose addresses stand at `rows`, in their order. */
function addRows(rows: usize, row: usize, to: usize, width: usize): void {
  let at: usize = 0;
  for (; at + 64 <= width; at += 64) {
    const first = load<usize>(rows) + at;
    let s0 = v128.load(first);
    let s1 = v128.load(first, 16);
    let s2 = v128.load(first, 32);
    let s3 = v128.load(first, 48);
    for (let j: usize = 4; j < row; j += 4) {
      const from = load<usize>(rows + j) + at;
      s0 = f32x4.add(s0, v128.load(from));
      s1 = f32x4.add(s1, v128.load(from, 16));
      s2 = f32x4.add(s2, v128.load(from, 32));
      s3 = f32x4.add(s3, v128.load(from, 48));
    }
    v128.store(to + at, s0);
    v128.store(to + at, s1, 16);
    v128.store(to + at, s2, 32);
    v128.store(to + at, s3, 48);
  }
  for (; at + 16 <= width; at += 16) {
    let sum = v128.load(load<usize>(rows) + at);
    for (let j: usize = 4; j < row; j += 4) sum = f32x4.add(sum, v128.load(load<usize>(rows + j) + at));
    v128.store(to + at, sum);
  }
  for (; at < width; at += 4) {
    let sum = load<f32>(load<usize>(rows) + at);
    for (let j: usize = 4; j < row; j += 4) sum += load<f32>(load<usize>(rows + j) + at);
    store<f32>(to + at, sum);
  }
}

/** 1.5 · 2^52: a number near 0 that is added to it is rounded to a whole one, in the lowest bits. */
const ROUND: f64 = 6755399441055744;

/**
 * ⌊index / basis⌋ of four bases, from index and the inverses: (index + ½) / basis - ½ lies at least ½ / basis away from the middle of two
 * whole numbers, which is more than a product with the rounded inverse is off.
 */
function quotients(half: v128, inverses: usize): v128 {
  const shift = f64x2.splat(-0.5);
  const round = f64x2.splat(ROUND);
  const low = f64x2.add(f64x2.add(f64x2.mul(half, v128.load(inverses)), shift), round);
  const high = f64x2.add(f64x2.add(f64x2.mul(half, v128.load(inverses, 16)), shift), round);
  return v128.shuffle<i32>(low, high, 0, 2, 4, 6);
}

/** Bytes of four features in the table of {@link residualFsqDecode} before the scales. */
const FOUR: usize = 112;

/**
 * The codes of a residual stack of FSQ, [tokens, layers] → [tokens, dim]. The table has for each four features the inverses of their bases
 * and of the next ones (float64; 0 beyond the last feature), their levels (int32), centers and steps, and then four scales for each layer.
 * `sizes` has the number of codes of each layer. NaN for what is no token. Units: blocks of 512 tokens.
 */
export function residualFsqDecode(
  indices: usize,
  codes: usize,
  table: usize,
  sizes: usize,
  tokens: i32,
  dim: i32,
  layers: i32,
  dropout: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const width = (<usize>dim) << 2;
  const row = (<usize>layers) << 2;
  const last = min(tokens, end * BLOCK);
  let to = codes + <usize>(begin * BLOCK) * width;
  for (let n = begin * BLOCK; n < last; n++, to += width) {
    const own = indices + <usize>n * row;
    if (!isToken(own, sizes, layers, dropout)) {
      fillNaN(to, width);
      continue;
    }
    let entry = table;
    for (let i = 0; i < dim; i += 4) {
      const levels = v128.load(entry, 64);
      const center = v128.load(entry, 80);
      const step = v128.load(entry, 96);
      let sum = f32x4.splat(0);
      for (let j: usize = 0; j < row; j += 4) {
        const index = load<i32>(own + j);
        if (index < 0) break;
        const half = f64x2.splat(<f64>index + 0.5);
        const digit = i32x4.sub(quotients(half, entry), i32x4.mul(levels, quotients(half, entry + 32)));
        const code = f32x4.mul(f32x4.sub(f32x4.convert_i32x4_s(digit), center), step);
        sum = f32x4.add(sum, f32x4.mul(code, v128.load(entry + FOUR + (j << 2))));
      }
      storeColumns(to + ((<usize>i) << 2), sum, sum, min(4, dim - i));
      entry += FOUR + (row << 2);
    }
  }
}

/**
 * The codes of a residual stack of LFQ, [tokens, layers] → [tokens, dim]. `table` has for each four features the place values of their bits
 * (0 beyond the last feature), `scales` those of the layers, `sizes` the number of codes of each. NaN for what is no token. Units: blocks
 * of 512 tokens.
 */
export function residualSignDecode(
  indices: usize,
  codes: usize,
  table: usize,
  scales: usize,
  sizes: usize,
  tokens: i32,
  dim: i32,
  layers: i32,
  dropout: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const width = (<usize>dim) << 2;
  const row = (<usize>layers) << 2;
  const last = min(tokens, end * BLOCK);
  const zero = i32x4.splat(0);
  const sign = f32x4.splat(-0.0);
  let to = codes + <usize>(begin * BLOCK) * width;
  for (let n = begin * BLOCK; n < last; n++, to += width) {
    const own = indices + <usize>n * row;
    if (!isToken(own, sizes, layers, dropout)) {
      fillNaN(to, width);
      continue;
    }
    for (let i = 0; i < dim; i += 4) {
      const place = (<usize>i) << 2;
      const bits = v128.load(table + place);
      let sum = f32x4.splat(0);
      for (let j: usize = 0; j < row; j += 4) {
        const index = load<i32>(own + j);
        if (index < 0) break;
        const unset = i32x4.eq(v128.and(i32x4.splat(index), bits), zero);
        sum = f32x4.add(sum, v128.xor(v128.load32_splat(scales + j), v128.and(unset, sign)));
      }
      storeColumns(to + place, sum, sum, min(4, dim - i));
    }
  }
}
