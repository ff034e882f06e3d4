/** The bits of a float32 → an integer in the same order; 0 and -0 are equal, NaN is beyond the infinities. */
export const ORDERED: string = `
fn ordered(bits : u32) -> i32 {
  let signed = bitcast<i32>(bits);
  return select(select(signed ^ 0x7fffffff, 0, bits == 0x80000000u), signed, signed >= 0);
}`.trim();

/** By its bits: a shader compiler may take for granted that no float is NaN. */
export const IS_NAN: string = `
fn isNaN(bits : u32) -> bool {
  return (bits & 0x7fffffffu) > 0x7f800000u;
}`.trim();

/** What {@link ORDERED} gives for a number. */
export function orderedKey(value: number): number {
  const signed = new Int32Array(new Float32Array([value]).buffer)[0] as number;
  if (signed >= 0) return signed;
  return value === 0 ? 0 : signed ^ 0x7fffffff;
}
