/** The frame of one worker, all zeros; 0 where images need none. */
export function clearFrame(frames: usize, frameBytes: i32, worker: i32): usize {
  if (frames === 0) return 0;
  const frame = frames + <usize>worker * <usize>frameBytes;
  memory.fill(frame, 0, frameBytes);
  return frame;
}

/**
 * Copies one image [height, width, channels] into a frame of zeros [frameHeight, frameWidth, channels]: pixel (y, x) lands on
 * (top + y · spacingY, left + x · spacingX). Pixels that fall outside are left out. The frame's other elements stay as they are.
 */
export function placeImage(
  image: usize,
  frame: usize,
  height: i32,
  width: i32,
  channels: i32,
  frameHeight: i32,
  frameWidth: i32,
  top: i32,
  left: i32,
  spacingY: i32,
  spacingX: i32,
): void {
  const pixel = (<usize>channels) << 2;
  const row = <usize>width * pixel;
  const frameRow = <usize>frameWidth * pixel;
  const skip = max(0, -left);
  const run = <usize>max(0, min(width, frameWidth - left) - skip) * pixel;
  for (let y = 0; y < height; y++) {
    const to = top + y * spacingY;
    if (to < 0 || to >= frameHeight) continue;
    const source = image + <usize>y * row;
    const target = frame + <usize>to * frameRow;
    if (spacingX === 1) {
      memory.copy(target + <usize>(left + skip) * pixel, source + <usize>skip * pixel, run);
      continue;
    }
    for (let x = 0; x < width; x++) {
      const column = left + x * spacingX;
      if (column < 0 || column >= frameWidth) continue;
      const from = source + <usize>x * pixel;
      const into = target + <usize>column * pixel;
      for (let i: usize = 0; i < pixel; i += 4) store<f32>(into + i, load<f32>(from + i));
    }
  }
}
