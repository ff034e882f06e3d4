import { advance, assemble, type Code, countDown, get, load, OPS, set, splat, store, V128 } from './assembler.ts';
import { fastest } from './limits.ts';
import { factsOf, type Work } from './work.ts';

/** What must at least be done for a work that treats every token by itself. */
export interface TokenSteps {
  readonly dim: number;
  /** Vectors of 16 bytes that are read and written for four tokens. */
  readonly reads: number;
  readonly writes: number;
  /** Comparisons of a feature of four tokens with a threshold, and as many additions, where levels are found by comparing; else 0. */
  readonly comparisons: number;
}

/** Times that one thread does not go below on this machine with 128-bit vectors, milliseconds. */
export interface Floor {
  /** Reading the input and writing the results, and nothing else: whatever the method. */
  readonly moveMs: number;
  /** With all comparisons and additions, from registers, and nothing else; null where there are none. */
  readonly compareMs: number | null;
}

/** Undefined where a token is not treated by itself. */
export function tokenSteps(work: Work): TokenSteps | undefined {
  const facts = factsOf(work);
  if (facts.codes(work) !== undefined) return undefined;
  const { dim } = work;
  const comparisons = facts.thresholds(work);
  if (work.op === 'encode') return { dim, reads: dim, writes: 1, comparisons };
  // Forward the codes and the ids; backward the gradient and the input again, for the gradient of the input.
  return { dim, reads: 3 * dim, writes: 2 * dim + 1, comparisons };
}

/** The floor of `n` tokens. Of several threads each has a share of the tokens and waits for none: then it is that of the share. */
export async function measureFloor(steps: TokenSteps, n: number): Promise<Floor> {
  const groups = Math.max(1, Math.ceil(n / 4));
  const moveMs = fastest(await passOver({ ...steps, comparisons: 0 }, groups));
  return { moveMs, compareMs: steps.comparisons === 0 ? null : fastest(await passOver(steps, groups)) };
}

const VECTOR = 16;
const PAGE = 2 ** 16;
/** Groups of four tokens in one turn of the loop. */
const UNROLLED = 2;

/**
 * A pass over `groups` times four tokens: vectors are read, compared where that is asked for, merged into one, and that is written. The
 * results are nonsense; what counts is that every step is there.
 */
async function passOver({ dim, reads, writes, comparisons }: TokenSteps, groups: number): Promise<() => void> {
  const [count, input, output, sum] = [0, 1, 2, 3];
  // A feature of four tokens is one vector, and has thresholds of its own.
  const perFeature = Math.ceil(comparisons / dim);
  const features = Array.from({ length: perFeature === 0 ? 0 : dim }, (_, i) => sum + 1 + i);
  const thresholds = Array.from({ length: perFeature }, (_, i) => sum + 1 + features.length + i);
  const pairs = features.flatMap((x) => thresholds.map((threshold) => [x, threshold] as const)).slice(0, comparisons);
  const group = (at: number): Code => {
    const reading = (i: number): Code => [...get(input), ...load(VECTOR * (at * reads + i))];
    return [
      ...features.flatMap((x, i) => [...reading(i), ...set(x)]),
      ...(features.length === 0 ? reading(0) : splat(0)),
      ...pairs.flatMap(([x, threshold]) => [
        ...[...get(x), ...get(threshold), ...OPS.greaterEqual],
        ...OPS.subtractInt32,
      ]),
      ...Array.from({ length: reads }, (_, i) => i)
        .slice(Math.max(1, features.length))
        .flatMap((i) => [...reading(i), ...OPS.or]),
      ...set(sum),
      ...Array.from({ length: writes }, (_, i) => i).flatMap((i) => [
        ...get(output),
        ...get(sum),
        ...store(VECTOR * (at * writes + i)),
      ]),
    ];
  };
  const turns = Math.ceil(groups / UNROLLED);
  const inputBytes = VECTOR * reads * UNROLLED * turns;
  const { run, memory } = await assemble({
    parameters: 3,
    locals: Array.from({ length: 1 + features.length + thresholds.length }, () => V128),
    pages: Math.ceil((inputBytes + VECTOR * writes * UNROLLED * turns) / PAGE),
    body: [
      ...thresholds.flatMap((threshold) => [...get(input), ...load(0), ...set(threshold)]),
      ...countDown(count, [
        ...Array.from({ length: UNROLLED }, (_, at) => at).flatMap(group),
        ...advance(input, VECTOR * reads * UNROLLED),
        ...advance(output, VECTOR * writes * UNROLLED),
      ]),
    ],
  });
  // Pages that were never written are all the same one, and always in the cache.
  memory.fill(1);
  return () => run(turns, 0, inputBytes);
}
