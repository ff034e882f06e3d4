// The matrices of assembly/winograd-line.ts, for parts of `size` places: 4, or 1 where a part is one place, so that F(3, 2) alone is left.

/** Bytes from the seven numbers of one part of a line to those of the next, where they lie beside each other. */
const PART: usize = 112;

/**
 * The numbers of a vector of places, `step` bytes from one to the next: number k goes to `to + k · plane`. `turned` is room for 28 vectors.
 */
export function turnPlaces(from: usize, step: usize, size: i32, turned: usize, to: usize, plane: usize): void {
  if (size === 4) {
    turnParts(from, step, turned);
    from = turned;
    step = PART;
  }
  const numbers = 2 * size - 1;
  const next = <usize>numbers * plane;
  const s2 = 2 * step;
  for (let k = 0; k < numbers; k++) {
    const d0 = v128.load(from);
    const d1 = v128.load(from + step);
    const d2 = v128.load(from + s2);
    const d3 = v128.load(from + s2 + step);
    let place = to;
    v128.store(place, f32x4.sub(d0, d2));
    place += next;
    v128.store(place, f32x4.add(d1, d2));
    place += next;
    v128.store(place, f32x4.sub(d2, d1));
    place += next;
    v128.store(place, f32x4.sub(d3, d1));
    from += 16;
    to += plane;
  }
}

/** The seven numbers of each of four parts of four places. */
function turnParts(from: usize, step: usize, turned: usize): void {
  const s2 = 2 * step;
  const s4 = 4 * step;
  const half = f32x4.splat(0.5);
  const four = f32x4.splat(4);
  for (let at = turned; at < turned + 4 * PART; at += PART) {
    const far = from + s4;
    const d0 = v128.load(from);
    const d1 = v128.load(from + step);
    const d2 = v128.load(from + s2);
    const d3 = v128.load(far - step);
    const d4 = v128.load(far);
    const d5 = v128.load(far + step);
    const d6 = v128.load(far + s2);
    // (x² - 4) d from each place on, and (x² - 1) d.
    const e1 = f32x4.sub(d3, f32x4.mul(four, d1));
    const e2 = f32x4.sub(d4, f32x4.mul(four, d2));
    const e3 = f32x4.sub(d5, f32x4.mul(four, d3));
    const g0 = f32x4.sub(e2, f32x4.sub(d2, f32x4.mul(four, d0)));
    const g1 = f32x4.sub(e3, e1);
    const g2 = f32x4.sub(f32x4.sub(d6, f32x4.mul(four, d4)), e2);
    const h2 = f32x4.mul(half, e2);
    const u = f32x4.sub(e2, f32x4.mul(half, e1));
    const v = f32x4.sub(e3, h2);
    const f1 = f32x4.sub(d3, d1);
    const f2 = f32x4.sub(d4, d2);
    // Twice (x² - 1)(x - ½) d.
    const p = f32x4.sub(f32x4.add(f2, f2), f1);
    const q = f32x4.sub(f32x4.sub(d5, d3), f32x4.mul(half, f2));
    v128.store(at, f32x4.sub(g1, f32x4.mul(half, g0)));
    v128.store(at, f32x4.add(v, u), 16);
    v128.store(at, f32x4.sub(v, u), 32);
    v128.store(at, f32x4.add(q, p), 48);
    v128.store(at, f32x4.sub(q, p), 64);
    v128.store(at, g1, 80);
    v128.store(at, f32x4.sub(g2, f32x4.mul(half, g1)), 96);
    from = far;
  }
}

/** Places, `step` bytes from one to the next, of numbers, and `offset`: the transpose of {@link turnSlopePlaces}. */
export function gatherPlaces(
  from: usize,
  plane: usize,
  size: i32,
  turned: usize,
  offset: v128,
  to: usize,
  step: usize,
): void {
  const numbers = 2 * size - 1;
  const next = <usize>numbers * plane;
  const half = f32x4.splat(0.5);
  const quarter = f32x4.splat(0.25);
  const eighth = f32x4.splat(0.125);
  const four = f32x4.splat(4);
  let at = turned;
  for (let k = 0; k < numbers; k++) {
    let place = from;
    const m0 = v128.load(place);
    place += next;
    const m1 = v128.load(place);
    place += next;
    const m2 = v128.load(place);
    place += next;
    const m3 = v128.load(place);
    const sum = f32x4.add(m1, m2);
    if (size === 1) {
      v128.store(to, f32x4.add(f32x4.add(m0, sum), offset));
      v128.store(to + step, f32x4.add(f32x4.sub(m1, m2), offset));
      v128.store(to + 2 * step, f32x4.add(f32x4.add(sum, m3), offset));
      return;
    }
    v128.store(at, f32x4.add(m0, sum));
    v128.store(at, f32x4.sub(m1, m2), 112);
    v128.store(at, f32x4.add(sum, m3), 224);
    from += plane;
    at += 16;
  }
  for (at = turned; at < turned + 3 * PART; at += PART) {
    const m0 = v128.load(at);
    const m1 = v128.load(at, 16);
    const m2 = v128.load(at, 32);
    const m3 = v128.load(at, 48);
    const m4 = v128.load(at, 64);
    const m5 = v128.load(at, 80);
    const m6 = v128.load(at, 96);
    const even = f32x4.add(f32x4.add(m1, m2), offset);
    const odd = f32x4.add(f32x4.sub(m1, m2), offset);
    const wideEven = f32x4.add(m3, m4);
    const wideOdd = f32x4.sub(m3, m4);
    const twice = f32x4.add(wideOdd, wideOdd);
    v128.store(to, f32x4.add(f32x4.add(m0, even), f32x4.add(wideEven, m5)));
    to += step;
    v128.store(to, f32x4.add(odd, f32x4.add(twice, f32x4.mul(half, m5))));
    to += step;
    v128.store(to, f32x4.add(even, f32x4.add(f32x4.mul(four, wideEven), f32x4.mul(quarter, m5))));
    to += step;
    v128.store(to, f32x4.add(f32x4.add(odd, m6), f32x4.add(f32x4.mul(four, twice), f32x4.mul(eighth, m5))));
    to += step;
  }
}

/** The numbers of a vector of places of dy. `turned` is room for 21 vectors. */
export function turnSlopePlaces(from: usize, step: usize, size: i32, turned: usize, to: usize, plane: usize): void {
  if (size === 4) {
    turnSlopeParts(from, step, turned);
    from = turned;
    step = PART;
  }
  const numbers = 2 * size - 1;
  const next = <usize>numbers * plane;
  for (let k = 0; k < numbers; k++) {
    const y0 = v128.load(from);
    const y1 = v128.load(from + step);
    const y2 = v128.load(from + 2 * step);
    const even = f32x4.add(y0, y2);
    let place = to;
    v128.store(place, y0);
    place += next;
    v128.store(place, f32x4.add(even, y1));
    place += next;
    v128.store(place, f32x4.sub(even, y1));
    place += next;
    v128.store(place, y2);
    from += 16;
    to += plane;
  }
}

/** The seven numbers of each of three parts of four places of dy. */
function turnSlopeParts(from: usize, step: usize, turned: usize): void {
  const half = f32x4.splat(0.5);
  const quarter = f32x4.splat(0.25);
  const eighth = f32x4.splat(0.125);
  const four = f32x4.splat(4);
  for (let at = turned; at < turned + 3 * PART; at += PART) {
    const y0 = v128.load(from);
    from += step;
    const y1 = v128.load(from);
    from += step;
    const y2 = v128.load(from);
    from += step;
    const y3 = v128.load(from);
    from += step;
    const even = f32x4.add(y0, y2);
    const odd = f32x4.add(y1, y3);
    const wideEven = f32x4.add(y0, f32x4.mul(four, y2));
    const wideOdd = f32x4.add(f32x4.add(y1, y1), f32x4.mul(f32x4.splat(8), y3));
    const small = f32x4.add(
      f32x4.add(y0, f32x4.mul(half, y1)),
      f32x4.add(f32x4.mul(quarter, y2), f32x4.mul(eighth, y3)),
    );
    v128.store(at, y0);
    v128.store(at, f32x4.add(even, odd), 16);
    v128.store(at, f32x4.sub(even, odd), 32);
    v128.store(at, f32x4.add(wideEven, wideOdd), 48);
    v128.store(at, f32x4.sub(wideEven, wideOdd), 64);
    v128.store(at, small, 80);
    v128.store(at, y3, 96);
  }
}

// Filters are few: these two are called.

/** The numbers of a vector of 2 · size taps, which lie beside each other. `turned` is room for 14 vectors. */
export function turnTaps(from: usize, size: i32, turned: usize, to: usize, plane: usize): void {
  let step: usize = 16;
  if (size === 4) {
    turnTapParts(from, turned);
    from = turned;
    step = PART;
  }
  const half = f32x4.splat(0.5);
  const numbers = 2 * size - 1;
  const next = <usize>numbers * plane;
  for (let k = 0; k < numbers; k++) {
    const t0 = v128.load(from);
    const t1 = v128.load(from + step);
    const even = f32x4.mul(t0, half);
    const odd = f32x4.mul(t1, half);
    let place = to;
    v128.store(place, t0);
    place += next;
    v128.store(place, f32x4.add(even, odd));
    place += next;
    v128.store(place, f32x4.sub(even, odd));
    place += next;
    v128.store(place, t1);
    from += 16;
    to += plane;
  }
}

/** The seven numbers of each of two parts of four taps. */
function turnTapParts(from: usize, turned: usize): void {
  for (let at = turned; at < turned + 2 * PART; at += PART) {
    const t0 = v128.load(from);
    const t1 = v128.load(from, 16);
    const t2 = v128.load(from, 32);
    const t3 = v128.load(from, 48);
    const even = f32x4.add(t0, t2);
    const odd = f32x4.add(t1, t3);
    const wideEven = f32x4.add(t0, f32x4.mul(f32x4.splat(4), t2));
    const wideOdd = f32x4.add(f32x4.add(t1, t1), f32x4.mul(f32x4.splat(8), t3));
    const small = f32x4.add(
      f32x4.add(t0, f32x4.mul(f32x4.splat(0.5), t1)),
      f32x4.add(f32x4.mul(f32x4.splat(0.25), t2), f32x4.mul(f32x4.splat(0.125), t3)),
    );
    v128.store(at, f32x4.mul(t0, f32x4.splat(-0.5)));
    v128.store(at, f32x4.mul(f32x4.add(even, odd), f32x4.splat(<f32>(-1.0 / 3.0))), 16);
    v128.store(at, f32x4.mul(f32x4.sub(even, odd), f32x4.splat(<f32>(1.0 / 9.0))), 32);
    v128.store(at, f32x4.mul(f32x4.add(wideEven, wideOdd), f32x4.splat(<f32>(1.0 / 36.0))), 48);
    v128.store(at, f32x4.mul(f32x4.sub(wideEven, wideOdd), f32x4.splat(<f32>(-1.0 / 60.0))), 64);
    v128.store(at, f32x4.mul(small, f32x4.splat(<f32>(32.0 / 45.0))), 80);
    v128.store(at, t3, 96);
    from += 64;
  }
}

/** 2 · size taps, beside each other, of a vector of numbers, which lie beside each other: the transpose of {@link turnTaps}. `turned` is room for 14 vectors. */
export function gatherTaps(from: usize, size: i32, turned: usize, to: usize): void {
  const half = f32x4.splat(0.5);
  const part = (<usize>(2 * size - 1)) << 4;
  const first = size === 4 ? turned : to;
  for (let at: usize = 0; at < part; at += 16) {
    let number = from + at;
    const m0 = v128.load(number);
    number += part;
    const m1 = f32x4.mul(v128.load(number), half);
    number += part;
    const m2 = f32x4.mul(v128.load(number), half);
    number += part;
    const m3 = v128.load(number);
    v128.store(first + at, f32x4.add(m0, f32x4.add(m1, m2)));
    v128.store(first + at + part, f32x4.add(m3, f32x4.sub(m1, m2)));
  }
  if (size === 1) return;
  for (let at = turned; at < turned + 2 * PART; at += PART) {
    const m0 = f32x4.mul(v128.load(at), f32x4.splat(-0.5));
    const m1 = f32x4.mul(v128.load(at, 16), f32x4.splat(<f32>(-1.0 / 3.0)));
    const m2 = f32x4.mul(v128.load(at, 32), f32x4.splat(<f32>(1.0 / 9.0)));
    const m3 = f32x4.mul(v128.load(at, 48), f32x4.splat(<f32>(1.0 / 36.0)));
    const m4 = f32x4.mul(v128.load(at, 64), f32x4.splat(<f32>(-1.0 / 60.0)));
    const m5 = f32x4.mul(v128.load(at, 80), f32x4.splat(<f32>(32.0 / 45.0)));
    const m6 = v128.load(at, 96);
    const even = f32x4.add(m1, m2);
    const odd = f32x4.sub(m1, m2);
    const wideEven = f32x4.add(m3, m4);
    const wideOdd = f32x4.sub(m3, m4);
    const twice = f32x4.add(wideOdd, wideOdd);
    v128.store(to, f32x4.add(f32x4.add(m0, even), f32x4.add(wideEven, m5)));
    v128.store(to, f32x4.add(odd, f32x4.add(twice, f32x4.mul(half, m5))), 16);
    v128.store(
      to,
      f32x4.add(even, f32x4.add(f32x4.mul(f32x4.splat(4), wideEven), f32x4.mul(f32x4.splat(0.25), m5))),
      32,
    );
    v128.store(
      to,
      f32x4.add(f32x4.add(odd, m6), f32x4.add(f32x4.mul(f32x4.splat(4), twice), f32x4.mul(f32x4.splat(0.125), m5))),
      48,
    );
    to += 64;
  }
}
