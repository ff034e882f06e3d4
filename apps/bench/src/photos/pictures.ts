import { createRng } from '@vqkit/core-tensor';

/** Discs of a picture. */
const DISCS = 4;

/**
 * Pictures that need no download, the same on every machine: discs with soft edges and fine stripes before a gradient between two colours.
 *
 * @returns float32 [count, size, size, 3] in [-1, 1].
 */
export function drawPictures(count: number, size: number, seed: number): Float32Array {
  const rng = createRng(seed).fork('pictures');
  const pictures = new Float32Array(count * size * size * 3);
  for (let n = 0; n < count; n++) {
    const colour = (): Float32Array => rng.uniformArray(3, -1, 1);
    const [from, to] = [colour(), colour()];
    const [alongX, alongY] = [rng.uniform(), rng.uniform()];
    const discs = Array.from({ length: DISCS }, () => ({
      x: rng.uniform() * size,
      y: rng.uniform() * size,
      radius: (0.08 + 0.22 * rng.uniform()) * size,
      colour: colour(),
      stripes: 2 + rng.integer(6),
    }));
    for (let p = 0; p < size * size; p++) {
      const [x, y] = [p % size, Math.floor(p / size)];
      const share = (alongX * x + alongY * y) / ((alongX + alongY) * size);
      const at = 3 * (n * size * size + p);
      for (let c = 0; c < 3; c++) {
        pictures[at + c] = (1 - share) * (from[c] as number) + share * (to[c] as number);
      }
      for (const disc of discs) {
        // Only operations that IEEE rounds alike everywhere: no hypot, no sine.
        const inside = disc.radius - Math.sqrt((x - disc.x) ** 2 + (y - disc.y) ** 2);
        const cover = Math.min(1, Math.max(0, inside));
        const dark = (x + y) % disc.stripes === 0 ? 0.5 : 1;
        for (let c = 0; c < 3; c++) {
          const below = pictures[at + c] as number;
          pictures[at + c] = below + cover * (dark * (disc.colour[c] as number) - below);
        }
      }
    }
  }
  return pictures;
}
