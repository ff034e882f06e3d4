/**
 * The two gradients of a depthwise convolution, channels last. The filter is [filterHeight, filterWidth, channels, multiplier], output
 * channel c · multiplier + m; tap (ky, kx) of output (oy, ox) reads input (oy · strideY + ky · dilationY - top, …).
 */

/** to[i] += a[i] · b[i]. */
function addProducts(to: usize, a: usize, b: usize, bytes: usize): void {
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) {
    v128.store(to + i, f32x4.add(v128.load(to + i), f32x4.mul(v128.load(a + i), v128.load(b + i))));
  }
  for (; i < bytes; i += 4) store<f32>(to + i, load<f32>(to + i) + load<f32>(a + i) * load<f32>(b + i));
}

/** dx += dy · W over every tap. Units: images. */
export function depthwiseInputImages(
  dy: usize,
  filter: usize,
  dx: usize,
  height: i32,
  width: i32,
  channels: i32,
  multiplier: i32,
  outHeight: i32,
  outWidth: i32,
  filterHeight: i32,
  filterWidth: i32,
  strideY: i32,
  strideX: i32,
  dilationY: i32,
  dilationX: i32,
  top: i32,
  left: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const pixel = (<usize>channels) << 2;
  const outPixel = pixel * <usize>multiplier;
  const imageBytes = <usize>(height * width) * pixel;
  let from = dy + <usize>(begin * outHeight * outWidth) * outPixel;
  for (let n = begin; n < end; n++) {
    const image = dx + <usize>n * imageBytes;
    memory.fill(image, 0, imageBytes);
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        for (let ky = 0; ky < filterHeight; ky++) {
          const y = oy * strideY + ky * dilationY - top;
          if (y < 0 || y >= height) continue;
          for (let kx = 0; kx < filterWidth; kx++) {
            const x = ox * strideX + kx * dilationX - left;
            if (x < 0 || x >= width) continue;
            const to = image + <usize>(y * width + x) * pixel;
            const weights = filter + <usize>(ky * filterWidth + kx) * outPixel;
            if (multiplier === 1) {
              addProducts(to, from, weights, pixel);
              continue;
            }
            for (let c = 0; c < channels; c++) {
              let sum = load<f32>(to + ((<usize>c) << 2));
              for (let m = 0; m < multiplier; m++) {
                const at = (<usize>(c * multiplier + m)) << 2;
                sum += load<f32>(from + at) * load<f32>(weights + at);
              }
              store<f32>(to + ((<usize>c) << 2), sum);
            }
          }
        }
        from += outPixel;
      }
    }
  }
}

/** dW += x · dy over every output pixel: partial results [group][filter], for addPartials. Units: groups of images. */
export function depthwiseFilterImages(
  x: usize,
  dy: usize,
  partials: usize,
  batch: i32,
  groups: i32,
  height: i32,
  width: i32,
  channels: i32,
  multiplier: i32,
  outHeight: i32,
  outWidth: i32,
  filterHeight: i32,
  filterWidth: i32,
  strideY: i32,
  strideX: i32,
  dilationY: i32,
  dilationX: i32,
  top: i32,
  left: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const pixel = (<usize>channels) << 2;
  const outPixel = pixel * <usize>multiplier;
  const imageBytes = <usize>(height * width) * pixel;
  const filterBytes = <usize>(filterHeight * filterWidth) * outPixel;
  for (let group = begin; group < end; group++) {
    const first = <i32>((<i64>group * batch) / groups);
    const last = <i32>((<i64>(group + 1) * batch) / groups);
    const partial = partials + <usize>group * filterBytes;
    memory.fill(partial, 0, filterBytes);
    let slopes = dy + <usize>(first * outHeight * outWidth) * outPixel;
    for (let n = first; n < last; n++) {
      const image = x + <usize>n * imageBytes;
      for (let oy = 0; oy < outHeight; oy++) {
        for (let ox = 0; ox < outWidth; ox++) {
          for (let ky = 0; ky < filterHeight; ky++) {
            const y = oy * strideY + ky * dilationY - top;
            if (y < 0 || y >= height) continue;
            for (let kx = 0; kx < filterWidth; kx++) {
              const column = ox * strideX + kx * dilationX - left;
              if (column < 0 || column >= width) continue;
              const from = image + <usize>(y * width + column) * pixel;
              const to = partial + <usize>(ky * filterWidth + kx) * outPixel;
              if (multiplier === 1) {
                addProducts(to, from, slopes, pixel);
                continue;
              }
              for (let c = 0; c < channels; c++) {
                const value = load<f32>(from + ((<usize>c) << 2));
                for (let m = 0; m < multiplier; m++) {
                  const at = (<usize>(c * multiplier + m)) << 2;
                  store<f32>(to + at, load<f32>(to + at) + value * load<f32>(slopes + at));
                }
              }
            }
          }
          slopes += outPixel;
        }
      }
    }
  }
}
