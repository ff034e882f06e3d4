import type { FsqAttrs } from '@vqkit/core-tensor';

/** What `make` gives for a quantizer's attributes, made once: they are one object for its whole life. */
function oncePer<T>(make: (attrs: FsqAttrs) => T): (attrs: FsqAttrs) => T {
  const made = new WeakMap<FsqAttrs, T>();
  return (attrs) => {
    const known = made.get(attrs);
    if (known !== undefined) return known;
    const value = make(attrs);
    made.set(attrs, value);
    return value;
  };
}

/** Vectors of a phase beside its thresholds: their number, centers, steps, basis. */
const EXTRA = 4;

/** The table of assembly/fsq.ts: one phase of `rows` thresholds for each of the `dim` vectors of four tokens. */
export const fsqTable: (attrs: FsqAttrs) => { bytes: Uint8Array; rows: number } = oncePer((attrs) => {
  const { levels, thresholds, centers, steps, basis } = attrs;
  const dim = levels.length;
  const rows = Math.max(...levels) - 1;
  const phaseWords = 4 * (rows + EXTRA);
  const words = new Float32Array(dim * phaseWords).fill(Number.NaN);
  const integers = new Int32Array(words.buffer);
  for (let vector = 0; vector < dim; vector++) {
    const start = vector * phaseWords;
    let used = 0;
    for (let lane = 0; lane < 4; lane++) {
      const feature = (4 * vector + lane) % dim;
      const own = thresholds[feature] ?? [];
      used = Math.max(used, own.length);
      for (const [j, threshold] of own.entries()) words[start + 4 * (j + 1) + lane] = threshold;
      const tail = start + 4 * (rows + 1) + lane;
      words[tail] = centers[feature] as number;
      words[tail + 4] = steps[feature] as number;
      integers[tail + 8] = basis[feature] as number;
    }
    integers[start] = used;
  }
  return { bytes: new Uint8Array(words.buffer), rows };
});

/** The table of assembly/fsq-encode.ts: for each feature the number of its thresholds, its basis, and the thresholds, each four times. */
export const fsqEncodeTable: (attrs: FsqAttrs) => Uint8Array = oncePer(({ thresholds, basis }) => {
  const words = new Float32Array(thresholds.reduce((size, own) => size + 4 * (own.length + 2), 0));
  const integers = new Int32Array(words.buffer);
  let at = 0;
  for (const [i, own] of thresholds.entries()) {
    integers.fill(own.length, at, at + 4);
    integers.fill(basis[i] as number, at + 4, at + 8);
    at += 8;
    for (const threshold of own) {
      words.fill(threshold, at, at + 4);
      at += 4;
    }
  }
  return new Uint8Array(words.buffer);
});

const TWO_LOG2E = 2 * Math.LOG2E;
const TOP = 100;
const ROUND = 1.5 * 2 ** 23;
/** 2^-f = 1 + c1 f + … + c5 f^5 for |f| <= ½, relative error 1e-7. */
const POWERS = [1, -6.93147e-1, 2.4022242e-1, -5.5507336e-2, 9.671513e-3, -1.3264728e-3];

/** The tables of assembly/fsq-grad.ts: of each of the `dim` vectors of four tokens four shifts and four slopes; with tanh the constants too. */
export const fsqSlopeTable: (attrs: FsqAttrs) => Uint8Array = oncePer(({ shifts, slopes, hardClamp }) => {
  const dim = shifts.length;
  const [perShift, perSlope] = hardClamp ? [1, 1] : [TWO_LOG2E, 4];
  const entries = Array.from({ length: 8 * dim }, (_, at) => {
    const feature = (4 * (at >> 3) + (at & 3)) % dim;
    return at & 4 ? perSlope * (slopes[feature] as number) : perShift * (shifts[feature] as number);
  });
  const constants = hardClamp ? [] : [TWO_LOG2E, TOP, ROUND, ...POWERS];
  const fourTimes = constants.flatMap((constant) => [constant, constant, constant, constant]);
  return new Uint8Array(Float32Array.from([...entries, ...fourTimes]).buffer);
});
