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
