/** Tokens of one unit of work in assembly/residual-fsq.ts and assembly/residual-sign.ts. */
export const GROUP = 16;
/** And in assembly/stack-decode.ts. */
export const DECODE_BLOCK = 512;

/** What these need beside their tables: per worker two lines of indices of 16 tokens for each layer, and 16 tokens. */
export function roomBytes(threads: number, dim: number, layers: number): number {
  return threads * 4 * GROUP * (2 * layers + dim);
}

/** Numbers as the bytes that a kernel reads. */
export function words(type: 'i32' | 'f32', values: readonly number[]): Uint8Array {
  return new Uint8Array((type === 'i32' ? Int32Array : Float32Array).from(values).buffer);
}
