/** Bytes of WebAssembly code. */
export type Code = readonly number[];

export const V128 = 0x7b;
const I32 = 0x7f;

/** A function of whole numbers without a result, in a module of its own with `pages` pages of memory of 64 KiB. */
export interface Assembly {
  readonly parameters: number;
  /** Types of the further locals. */
  readonly locals: Code;
  readonly body: Code;
  readonly pages: number;
}

export interface Assembled {
  readonly run: (...args: number[]) => void;
  readonly memory: Float32Array;
}

/** Compiles one function, written as code so that nothing but what is named there runs. */
export async function assemble({ parameters, locals, body, pages }: Assembly): Promise<Assembled> {
  const declared = [...leb(locals.length), ...locals.flatMap((type) => [1, type])];
  const code = [...declared, ...body, 0x0b];
  const module = Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, ...leb(parameters), ...Array.from({ length: parameters }, () => I32), 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, ...leb(pages)]),
    // `r`, the function, and `m`, the memory.
    ...section(7, [2, ...[1, 0x72, 0, 0], ...[1, 0x6d, 2, 0]]),
    ...section(10, [1, ...leb(code.length), ...code]),
  ]);
  const { exports } = (await WebAssembly.instantiate(module as BufferSource)).instance;
  const { r, m } = exports as { r: Assembled['run']; m: WebAssembly.Memory };
  return { run: r, memory: new Float32Array(m.buffer) };
}

export const get = (local: number): Code => [0x20, ...leb(local)];
export const set = (local: number): Code => [0x21, ...leb(local)];
/** A whole number from 0 to 63. */
export const integer = (value: number): Code => [0x41, value];

/** Adds a whole number from 0 to 8191 to a local. */
export const advance = (local: number, by: number): Code => [
  ...get(local),
  ...[0x41, (by & 127) | 128, by >> 7],
  0x6a,
  ...set(local),
];

/** Does `body` as often as a local says, which counts down to zero: at least once. */
export const countDown = (local: number, body: Code): Code => [
  ...[0x03, 0x40, ...body],
  ...[...get(local), ...integer(1), 0x6b, 0x22, ...leb(local), 0x0d, 0, 0x0b],
];

/** Four float32 that are all the same: 0, 0.5 or 1. */
export const splat = (value: 0 | 0.5 | 1): Code => [
  ...[0x43, 0, 0, value === 1 ? 0x80 : 0, value === 0 ? 0 : 0x3f],
  ...simd(0x13),
];

/** Reads a vector from the address on the stack, and writes the one on the stack to the address below it. */
export const load = (offset: number): Code => [...simd(0x00), 0, ...leb(offset)];
export const store = (offset: number): Code => [...simd(0x0b), 0, ...leb(offset)];

/** Operations of vectors. */
export const OPS: Readonly<
  Record<'or' | 'greaterEqual' | 'addFloat32' | 'multiplyFloat32' | 'addInt32' | 'subtractInt32' | 'dotInt16', Code>
> = {
  or: simd(0x50),
  greaterEqual: simd(0x46),
  addFloat32: simd(0xe4),
  multiplyFloat32: simd(0xe6),
  addInt32: simd(0xae),
  subtractInt32: simd(0xb1),
  /** Products of eight pairs of int16, neighbours added to int32. */
  dotInt16: simd(0xba),
};

function simd(operation: number): number[] {
  return [0xfd, ...leb(operation)];
}

function section(id: number, content: Code): number[] {
  return [id, ...leb(content.length), ...content];
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}
