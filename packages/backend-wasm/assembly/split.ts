/** Where the i-th of `parts` even shares of 0 … size - 1 begins; share i ends where share i + 1 begins. */
export function shareStart(i: i32, parts: i32, size: i32): i32 {
  return <i32>((<i64>i * size) / parts);
}
