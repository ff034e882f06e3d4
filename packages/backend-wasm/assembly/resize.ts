/**
 * Nearest-neighbour resizing, channels last: out[y, x] = image[rows[y], columns[x]]; `rows` and `columns` are tables of int32.
 * Copies 4-byte elements of any type. Units: images.
 */
export function resizeNearestImages(
  images: usize,
  out: usize,
  rows: usize,
  columns: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const pixel = (<usize>channels) << 2;
  const vectors = pixel & ~15;
  const row = <usize>width * pixel;
  const outRow = <usize>outWidth * pixel;
  for (let n = begin; n < end; n++) {
    const image = images + <usize>n * <usize>height * row;
    let to = out + <usize>n * <usize>outHeight * outRow;
    for (let y = 0; y < outHeight; y++) {
      const source = load<i32>(rows + ((<usize>y) << 2));
      if (y > 0 && source === load<i32>(rows + ((<usize>(y - 1)) << 2))) {
        memory.copy(to, to - outRow, outRow);
        to += outRow;
        continue;
      }
      const line = image + <usize>source * row;
      for (let x = 0; x < outWidth; x++) {
        const from = line + <usize>load<i32>(columns + ((<usize>x) << 2)) * pixel;
        let c: usize = 0;
        for (; c < vectors; c += 16) v128.store(to + c, v128.load(from + c));
        for (; c < pixel; c += 4) store<u32>(to + c, load<u32>(from + c));
        to += pixel;
      }
    }
  }
}

/** Its gradient: dx[rows[y], columns[x]] += dy[y, x]. Units: images. */
export function resizeNearestGradImages(
  dy: usize,
  dx: usize,
  rows: usize,
  columns: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const pixel = (<usize>channels) << 2;
  const vectors = pixel & ~15;
  const row = <usize>width * pixel;
  const imageBytes = <usize>height * row;
  for (let n = begin; n < end; n++) {
    const image = dx + <usize>n * imageBytes;
    let from = dy + <usize>n * <usize>(outHeight * outWidth) * pixel;
    memory.fill(image, 0, imageBytes);
    for (let y = 0; y < outHeight; y++) {
      const line = image + <usize>load<i32>(rows + ((<usize>y) << 2)) * row;
      for (let x = 0; x < outWidth; x++) {
        const to = line + <usize>load<i32>(columns + ((<usize>x) << 2)) * pixel;
        let c: usize = 0;
        for (; c < vectors; c += 16) v128.store(to + c, f32x4.add(v128.load(to + c), v128.load(from + c)));
        for (; c < pixel; c += 4) store<f32>(to + c, load<f32>(to + c) + load<f32>(from + c));
        from += pixel;
      }
    }
  }
}
