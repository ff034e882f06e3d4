import { expMinus, log, logOnePlus } from './exp';
import { loadColumns, storeColumns, sumLanes } from './store';

/** Tokens, or codes, of one unit of work. */
const TOKENS: i32 = 64;
const CODES: i32 = 4096;

/** Below this a probability has log SMALLEST, as in the reference: p log p stays 0 at 0, and the gradient finite. */
const SMALLEST: f32 = 1.2e-38;

/**
 * Probabilities of half a code are held times 2^60, and are 0 where that is below 2^-63: then the product of two of them is never
 * denormal, which would cost a hundred times the time of a normal one.
 */
const SCALE: f32 = <f32>(1024.0 * 1024 * 1024 * 1024 * 1024 * 1024);
const FLOOR: f32 = 1 / (8 * SCALE);

function flushed(v: v128): v128 {
  return v128.andnot(v, f32x4.lt(f32x4.abs(v), f32x4.splat(FLOOR)));
}

/** σ(-z) and σ(z) of the `dim` bits of one token, at `zeros` and `ones`. Whole vectors are written. */
function bitProbabilities(z: usize, zeros: usize, ones: usize, dim: i32): void {
  const one = f32x4.splat(1);
  for (let i = 0; i < dim; i += 4) {
    const at = (<usize>i) << 2;
    const x = loadColumns(z + at, dim - i);
    const e = expMinus(f32x4.abs(x));
    const large = f32x4.div(one, f32x4.add(one, e));
    const small = f32x4.mul(e, large);
    const positive = f32x4.gt(x, f32x4.splat(0));
    v128.store(ones + at, v128.bitselect(large, small, positive));
    v128.store(zeros + at, v128.bitselect(small, large, positive));
  }
}

/**
 * start · Π over bits, for every value of `count` bits, the first bit the most significant: 2^count floats at `row`, which has room for
 * at least four.
 */
function jointProbabilities(row: usize, start: f32, zeros: usize, ones: usize, count: i32): void {
  v128.store(row, f32x4.replace_lane(f32x4.splat(0), 0, start));
  let length: usize = 4;
  for (let i = count - 1; i >= 0; i--) {
    const zero = load<f32>(zeros + ((<usize>i) << 2));
    const one = load<f32>(ones + ((<usize>i) << 2));
    const set = count - i;
    if (set <= 2) {
      const v = v128.load(row);
      const low = flushed(f32x4.mul(v, f32x4.splat(zero)));
      const high = flushed(f32x4.mul(v, f32x4.splat(one)));
      // The values so far stand in the first one or two lanes.
      v128.store(row, set === 1 ? v128.shuffle<i32>(low, high, 0, 4, 1, 5) : v128.shuffle<i32>(low, high, 0, 1, 4, 5));
    } else {
      const bytes = length << 2;
      for (let at: usize = 0; at < bytes; at += 16) {
        const v = v128.load(row + at);
        v128.store(row + at, flushed(f32x4.mul(v, f32x4.splat(zero))));
        v128.store(row + bytes + at, flushed(f32x4.mul(v, f32x4.splat(one))));
      }
      length <<= 1;
    }
  }
}

/**
 * The probabilities of all values of the first `high` bits of each token, times the token's weight if there are any (at `weights`, else
 * 0), and of its other bits: rows of aStride and bStride floats, times SCALE.
 *
 * `lines` is room for 64 floats per worker. Units: blocks of 64 tokens.
 */
export function halfProbabilities(
  logits: usize,
  weights: usize,
  a: usize,
  b: usize,
  lines: usize,
  tokens: i32,
  dim: i32,
  high: i32,
  aStride: i32,
  bStride: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const zeros = lines + ((<usize>worker) << 8);
  const ones = zeros + 128;
  const last = min(tokens, end * TOKENS);
  for (let n = begin * TOKENS; n < last; n++) {
    bitProbabilities(logits + ((<usize>n * <usize>dim) << 2), zeros, ones, dim);
    const share: f32 = weights !== 0 ? load<f32>(weights + ((<usize>n) << 2)) : 1;
    const skip = (<usize>high) << 2;
    jointProbabilities(a + ((<usize>n * <usize>aStride) << 2), share * SCALE, zeros, ones, high);
    jointProbabilities(b + ((<usize>n * <usize>bStride) << 2), SCALE, zeros + skip, ones + skip, dim - high);
  }
}

/** Σ_n v_n Σ_i H_b(σ(z_ni)) of each block of 64 tokens, float64. H_b(σ(z)) = log(1 + e^-|z|) + |z| σ(-|z|). Units: the blocks. */
export function bitEntropySums(
  logits: usize,
  weights: usize,
  sums: usize,
  tokens: i32,
  dim: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const lanes = i32x4(0, 1, 2, 3);
  for (let block = begin; block < end; block++) {
    let total: f64 = 0;
    const last = min(tokens, (block + 1) * TOKENS);
    for (let n = block * TOKENS; n < last; n++) {
      const z = logits + ((<usize>n * <usize>dim) << 2);
      let low = f64x2.splat(0);
      let high = low;
      for (let i = 0; i < dim; i += 4) {
        // Lanes beyond the last bit are decided bits, whose entropy is 0.
        const real = i32x4.lt_s(lanes, i32x4.splat(dim - i));
        const bits = f32x4.abs(loadColumns(z + ((<usize>i) << 2), dim - i));
        const size = v128.bitselect(f32x4.min(bits, f32x4.splat(120)), f32x4.splat(120), real);
        const e = expMinus(size);
        const small = f32x4.div(e, f32x4.add(f32x4.splat(1), e));
        const entropy = f32x4.add(logOnePlus(e), f32x4.mul(size, small));
        low = f64x2.add(low, f64x2.promote_low_f32x4(entropy));
        high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i32>(entropy, entropy, 2, 3, 0, 1)));
      }
      const both = f64x2.add(low, high);
      const sum = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
      total += sum * <f64>load<f32>(weights + ((<usize>n) << 2));
    }
    store<f64>(sums + ((<usize>block) << 3), total);
  }
}

/** out = Σ of `count` float64, rounded once. */
export function addSums(sums: usize, out: usize, count: i32): void {
  let total: f64 = 0;
  for (let i = 0; i < count; i++) total += load<f64>(sums + ((<usize>i) << 3));
  store<f32>(out, <f32>total);
}

function surprise(p: v128): v128 {
  return f32x4.neg(log(f32x4.max(p, f32x4.splat(SMALLEST))));
}

/**
 * average = scaled / SCALE², 0 where that is denormal, and -Σ average log average of each block of 4,096 codes, float64. NaN stays.
 * Units: the blocks.
 */
export function averageEntropySums(
  scaled: usize,
  average: usize,
  sums: usize,
  codes: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const back = f32x4.splat(<f32>(1 / (<f64>SCALE * <f64>SCALE)));
  // What is denormal once scaled back: products with it would be slow.
  const least = f32x4.splat(<f32>(1.1754943508222875e-38 * <f64>SCALE * <f64>SCALE));
  for (let block = begin; block < end; block++) {
    const last = min(codes, (block + 1) * CODES);
    let low = f64x2.splat(0);
    let high = low;
    for (let i = block * CODES; i < last; i += 4) {
      const at = (<usize>i) << 2;
      const given = loadColumns(scaled + at, last - i);
      const p = f32x4.mul(v128.andnot(given, f32x4.lt(given, least)), back);
      const term = f32x4.mul(p, surprise(p));
      low = f64x2.add(low, f64x2.promote_low_f32x4(term));
      high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i32>(term, term, 2, 3, 0, 1)));
      storeColumns(average + at, p, p, min(4, last - i));
    }
    const both = f64x2.add(low, high);
    store<f64>(sums + ((<usize>block) << 3), f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1));
  }
}

/**
 * The gradient of the objective in the average probabilities: -(log average + H) dEntropy + dAverage; a constant in it moves nothing,
 * and centred at H it loses the fewest digits. Units: blocks of 4,096 codes.
 */
export function averageSlope(
  average: usize,
  entropy: usize,
  dEntropy: usize,
  dAverage: usize,
  slope: usize,
  codes: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const center = f32x4.splat(load<f32>(entropy));
  const weight = f32x4.splat(load<f32>(dEntropy));
  const stop = (<usize>min(codes, end * CODES)) << 2;
  let at = (<usize>(begin * CODES)) << 2;
  for (; at + 16 <= stop; at += 16) {
    const centred = f32x4.sub(surprise(v128.load(average + at)), center);
    v128.store(slope + at, f32x4.add(f32x4.mul(centred, weight), v128.load(dAverage + at)));
  }
  for (; at < stop; at += 4) {
    const centred = f32x4.sub(surprise(v128.load32_splat(average + at)), center);
    const sum = f32x4.add(f32x4.mul(centred, weight), v128.load32_splat(dAverage + at));
    store<f32>(slope + at, f32x4.extract_lane(sum, 0));
  }
}

/**
 * Adds to dz the gradient that `count` bits get: with terms(c) = p(c) · slopes(c), it is Σ over values c whose bit is 1 of σ(-z) · terms(c)
 * less Σ over those whose bit is 0 of σ(z) · terms(c). Both factors keep their digits near 0. `row` = SCALE · p, `slopes` times SCALE and
 * written over.
 */
function addHalfGradient(
  dz: usize,
  row: usize,
  slopes: usize,
  zeros: usize,
  ones: usize,
  count: i32,
  share: f32,
): void {
  let length: usize = (<usize>1) << count;
  const bytes = length << 2;
  const back: f32 = 1 / SCALE;
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) {
    const slope = f32x4.mul(v128.load(slopes + at), f32x4.splat(back));
    v128.store(slopes + at, f32x4.mul(slope, v128.load(row + at)));
  }
  for (; at < bytes; at += 4) store<f32>(slopes + at, load<f32>(slopes + at) * back * load<f32>(row + at));

  // Folding the halves of the terms onto each other leaves those of the other bits.
  for (let i: usize = 0; i < <usize>count; i++) {
    length >>= 1;
    const half = length << 2;
    let zero: f32 = 0;
    let one: f32 = 0;
    let k: usize = 0;
    if (length >= 4) {
      let zeroSums = f32x4.splat(0);
      let oneSums = zeroSums;
      for (; k < half; k += 16) {
        const low = v128.load(slopes + k);
        const high = v128.load(slopes + half + k);
        zeroSums = f32x4.add(zeroSums, low);
        oneSums = f32x4.add(oneSums, high);
        v128.store(slopes + k, f32x4.add(low, high));
      }
      zero = sumLanes(zeroSums);
      one = sumLanes(oneSums);
    }
    for (; k < half; k += 4) {
      const low = load<f32>(slopes + k);
      const high = load<f32>(slopes + half + k);
      zero += low;
      one += high;
      store<f32>(slopes + k, low + high);
    }
    const gradient = (load<f32>(zeros + (i << 2)) * one - load<f32>(ones + (i << 2)) * zero) * share;
    // Below FLOOR it would be denormal.
    if (!(abs(gradient) < FLOOR)) store<f32>(dz + (i << 2), load<f32>(dz + (i << 2)) + gradient * back);
  }
}

/** dz = share · z σ(z) σ(-z) of one token. */
function sampleGradient(logits: usize, dz: usize, dim: i32, share: f32): void {
  const one = f32x4.splat(1);
  for (let i = 0; i < dim; i += 4) {
    const at = (<usize>i) << 2;
    const z = loadColumns(logits + at, dim - i);
    const e = expMinus(f32x4.abs(z));
    const large = f32x4.div(one, f32x4.add(one, e));
    // Infinite log-odds are decided bits: their entropy moves by 0, not by ∞ · 0.
    const bounded = f32x4.min(f32x4.max(z, f32x4.splat(-120)), f32x4.splat(120));
    const slope = f32x4.mul(f32x4.mul(bounded, e), f32x4.mul(large, large));
    const v = f32x4.mul(slope, f32x4.splat(share));
    storeColumns(dz + at, v, v, min(4, dim - i));
  }
}

/**
 * The gradient in the log-odds. Per sample: -z σ(z) σ(-z) · sampleWeight · dPerSample. Of the codebook: from the rows of
 * halfProbabilities (without weights) and the slopes of each of their values, which are written over; `a` = 0 leaves it out.
 *
 * `lines` is room for 64 floats per worker. Units: blocks of 64 tokens.
 */
export function bitEntropyGrad(
  logits: usize,
  sampleWeights: usize,
  batchWeights: usize,
  dPerSample: usize,
  dz: usize,
  a: usize,
  b: usize,
  aSlopes: usize,
  bSlopes: usize,
  lines: usize,
  tokens: i32,
  dim: i32,
  high: i32,
  aStride: i32,
  bStride: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const zeros = lines + ((<usize>worker) << 8);
  const ones = zeros + 128;
  const weight = load<f32>(dPerSample);
  const last = min(tokens, end * TOKENS);
  const skip = (<usize>high) << 2;
  for (let n = begin * TOKENS; n < last; n++) {
    const token = (<usize>n) << 2;
    const from = logits + token * <usize>dim;
    const to = dz + token * <usize>dim;
    const sample = -weight * load<f32>(sampleWeights + token);
    sampleGradient(from, to, dim, sample);
    if (a === 0) continue;
    bitProbabilities(from, zeros, ones, dim);
    const share = load<f32>(batchWeights + token);
    addHalfGradient(to, a + token * <usize>aStride, aSlopes + (token << high), zeros, ones, high, share);
    const low = dim - high;
    addHalfGradient(
      to + skip,
      b + token * <usize>bStride,
      bSlopes + (token << low),
      zeros + skip,
      ones + skip,
      low,
      share,
    );
  }
}
