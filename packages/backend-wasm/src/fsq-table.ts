import type { FsqAttrs } from '@vqkit/core-tensor';

/** Vectors of a phase beside its thresholds: their number, centers, steps, basis. */
const EXTRA = 4;

/** The table of assembly/fsq.ts: one phase of `rows` thresholds for each of the `dim` vectors of four tokens. */
export function fsqTable(attrs: FsqAttrs): { bytes: Uint8Array; rows: number } {
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
}

/** The table of assembly/fsq-encode.ts: for each feature the number of its thresholds, its basis, and the thresholds, each four times. */
export function fsqEncodeTable({ thresholds, basis }: FsqAttrs): Uint8Array {
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
}
