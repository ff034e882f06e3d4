/**
 * out[i] = Σ over groups of partials[group][i], in order of the groups; for outChannels > 0 also brings the layout of
 * convFilterImagesFewOutputs, [channel][row][padded run], to [row][run][channel]. Not for large outputs: one thread.
 */
export function addPartials(partials: usize, out: usize, groups: i32, size: i32): void {
  const bytes = (<usize>size) << 2;
  const whole = bytes & ~15;
  let i: usize = 0;
  for (; i < whole; i += 16) {
    let sum = v128.load(partials + i);
    for (let g: usize = 1; g < <usize>groups; g++) sum = f32x4.add(sum, v128.load(partials + g * bytes + i));
    v128.store(out + i, sum);
  }
  for (; i < bytes; i += 4) {
    let sum = load<f32>(partials + i);
    for (let g: usize = 1; g < <usize>groups; g++) sum += load<f32>(partials + g * bytes + i);
    store<f32>(out + i, sum);
  }
}

/** The same for partial results [channels][rows][run padded to 4] and out [rows][run][channels]. */
export function addPartialsFewOutputs(
  partials: usize,
  out: usize,
  groups: i32,
  channels: i32,
  rows: i32,
  runLength: i32,
): void {
  const padded = (runLength + 3) & ~3;
  const size = channels * rows * padded;
  for (let o = 0; o < channels; o++) {
    for (let row = 0; row < rows; row++) {
      for (let j = 0; j < runLength; j++) {
        let from = partials + ((<usize>((o * rows + row) * padded + j)) << 2);
        let sum: f32 = 0;
        for (let g = 0; g < groups; g++) {
          sum += load<f32>(from);
          from += (<usize>size) << 2;
        }
        store<f32>(out + ((<usize>((row * runLength + j) * channels + o)) << 2), sum);
      }
    }
  }
}
