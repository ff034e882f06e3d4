/** How often each code was used; memory and work follow the codes seen, never the size of the codebook. */
export interface CodeCounts {
  /** Counts one use of `code` in update number `update`. */
  add(code: number, update: number): void;
  /** Sets what is known of a code. */
  put(code: number, count: number, lastUse: number): void;
  /** Takes back one use that has left the window. The code stays known, with the update of its last use. */
  remove(code: number): void;
  /** Distinct codes ever added. */
  seen(): number;
  /** Visits every code ever added, in no particular order; `count` is 0 for those that have left the window. */
  forEach(visit: (code: number, count: number, lastUse: number) => void): void;
}

const EMPTY = -1;
const FIRST_BITS = 8;
/** 2^32 divided by the golden ratio, odd: spreads consecutive codes over the table (Knuth, TAOCP 3, 6.4). */
const GOLDEN = 0x9e3779b1;

/**
 * An open-addressing hash table on typed arrays. A `Map` would do for small codebooks, but it holds at most 2^24 entries and takes
 * several times the memory.
 */
export function createCodeCounts(): CodeCounts {
  let capacity = 2 ** FIRST_BITS;
  let shift = 32 - FIRST_BITS;
  let codes = new Int32Array(capacity).fill(EMPTY);
  let counts = new Float64Array(capacity);
  let lastUses = new Int32Array(capacity);
  let seen = 0;

  /** The place of `code`, or the free place where it belongs. */
  const find = (code: number): number => {
    let slot = Math.imul(code, GOLDEN) >>> shift;
    while (codes[slot] !== code && codes[slot] !== EMPTY) slot = (slot + 1) & (capacity - 1);
    return slot;
  };

  const grow = (): void => {
    const [oldCodes, oldCounts, oldUses] = [codes, counts, lastUses];
    capacity *= 2;
    shift--;
    codes = new Int32Array(capacity).fill(EMPTY);
    counts = new Float64Array(capacity);
    lastUses = new Int32Array(capacity);
    for (let i = 0; i < oldCodes.length; i++) {
      const code = oldCodes[i] as number;
      if (code === EMPTY) continue;
      const slot = find(code);
      codes[slot] = code;
      counts[slot] = oldCounts[i] as number;
      lastUses[slot] = oldUses[i] as number;
    }
  };

  /** The place of `code`, made where there was none. */
  const place = (code: number): number => {
    let slot = find(code);
    if (codes[slot] !== EMPTY) return slot;
    if (2 * (seen + 1) > capacity) {
      grow();
      slot = find(code);
    }
    codes[slot] = code;
    seen++;
    return slot;
  };

  return {
    add(code, update) {
      const slot = place(code);
      counts[slot] = (counts[slot] as number) + 1;
      lastUses[slot] = update;
    },
    put(code, count, lastUse) {
      const slot = place(code);
      counts[slot] = count;
      lastUses[slot] = lastUse;
    },
    remove(code) {
      const slot = find(code);
      counts[slot] = (counts[slot] as number) - 1;
    },
    seen: () => seen,
    forEach(visit) {
      for (let slot = 0; slot < capacity; slot++) {
        const code = codes[slot] as number;
        if (code !== EMPTY) visit(code, counts[slot] as number, lastUses[slot] as number);
      }
    },
  };
}
