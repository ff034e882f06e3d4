import type { NearestSearch, RowEncoder } from '@vqkit/core-tensor/codec';
import { planSearch, type SearchHost } from './search-codes.ts';

/** Tokens that are searched at a time. */
const TOKENS = 1024;
/** A memory's limit. */
const MOST_BYTES = 2 ** 32 - 65_536;

/** The indices of `search.encode`, bit for bit, by the engine's search in a memory of its own. */
export function createNearestEncoder(module: WebAssembly.Module, search: NearestSearch): RowEncoder {
  const { dim, codes, space, encode } = search;
  const count = codes.length / dim;
  const width = space?.width ?? 0;
  const memory = new WebAssembly.Memory({ initial: 1 });
  const functions = new WebAssembly.Instance(module, { env: { memory } }).exports as Record<
    string,
    (...args: number[]) => number
  >;
  const host: SearchHost = {
    threads: 1,
    call: (name, ...args) => functions[name]?.(...args) ?? 0,
    run: (name, units, ...args) => functions[name]?.(...args, 0, units, 0),
    floats: (address, size) => new Float32Array(memory.buffer, address, size),
  };

  let end = 0;
  const lend = (bytes: number): number => {
    const at = end;
    end += 16 * Math.ceil(bytes / 16);
    return at;
  };
  const [codesAt, keys, bias] = [codes.length, count * width, space ? count : 0].map((size) => lend(4 * size)) as [
    number,
    number,
    number,
  ];
  const scores = space && { width, keys, bias, slack: space.slack };
  const book = { codes: codesAt, count, dim, space: scores };
  const [x, found, queries, reach] = [dim, 1, width, 1].map((size) => lend(4 * TOKENS * size)) as [
    number,
    number,
    number,
    number,
  ];
  const grow = (): boolean => {
    if (end > MOST_BYTES) return false;
    memory.grow(Math.max(0, Math.ceil((end - memory.buffer.byteLength) / 65_536)));
    return true;
  };
  if (!grow()) return encode;
  host.floats(codesAt, codes.length).set(codes);
  if (space) {
    host.floats(keys, count * width).set(space.keys);
    host.floats(bias, count).set(space.biases);
  }
  const plan = planSearch(host, book, TOKENS);
  const at = lend(plan.bytes);
  if (!grow()) return encode;
  const { search: run, scratchBytes } = plan.prepare(at);
  const scratch = lend(scratchBytes(TOKENS));
  if (!grow()) return encode;

  const rows = host.floats(x, TOKENS * dim);
  const queriesIn = host.floats(queries, TOKENS * width);
  const reaches = host.floats(reach, TOKENS);
  const indicesOut = new Int32Array(memory.buffer, found, TOKENS);
  const query = new Float64Array(width);
  const tokensOf = (tokens: number) => (space ? { x, tokens, queries, reach } : { x, tokens });

  return (input, indices, tokens) => {
    for (let first = 0; first < tokens; first += TOKENS) {
      const here = Math.min(TOKENS, tokens - first);
      rows.set(here === tokens ? input.subarray(0, tokens * dim) : input.subarray(first * dim, (first + here) * dim));
      for (let t = 0; space && t < here; t++) {
        reaches[t] = space.setQuery(input, first + t, query, 0);
        queriesIn.set(query, t * width);
      }
      run(tokensOf(here), scratch, found);
      for (let t = 0; t < here; t++) indices[first + t] = indicesOut[t] as number;
    }
  };
}
