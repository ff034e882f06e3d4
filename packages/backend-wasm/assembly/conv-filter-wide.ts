import { shareStart } from './split';
import { multiply } from './winograd-tiles';

/** Positions of the output that are taken at a time, so that four columns of them and a panel of dy, 24 kB, stay in the first-level cache. */
const BLOCK: i32 = 256;
/** Rows of four channels that are gathered at a time. */
const COLUMNS: i32 = 4;
/** Rows of the filter in one unit of work. */
const ROWS: i32 = 8;

/**
 * The gradient of the filter of a convolution between many channels, multiples of 8: dW[tap, c, o] = Σ over positions of x[position + tap, c] · dy[position, o],
 * with zeros around x. What a block of positions needs is brought beside each other first, dy by panels of 8 channels, x by columns of 4: where they lie they
 * are powers of two apart, and share few sets of a cache.
 *
 * The positions of all images are cut into `groups`, whatever the number of threads, with partial results[group][panel][tap][channel][8], and the rows into
 * `blocks`. `room` has 4 · 256 · (16 + outChannels) bytes for each worker. Units: groups · blocks.
 */
export function convFilterWide(
  images: usize,
  dy: usize,
  partials: usize,
  room: usize,
  batch: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  outChannels: i32,
  filterHeight: i32,
  filterWidth: i32,
  strideY: i32,
  strideX: i32,
  dilationX: i32,
  top: i32,
  left: i32,
  groups: i32,
  blocks: i32,
  begin: i32,
  end: i32,
  worker: i32,
): void {
  const pixels = outHeight * outWidth;
  const positions = batch * pixels;
  const columns = room + <usize>worker * <usize>(4 * BLOCK * (4 * COLUMNS + outChannels));
  const packed = columns + <usize>(16 * BLOCK * COLUMNS);
  const panels = outChannels >> 3;
  const quads = channels >> 2;
  const tiles = filterHeight * filterWidth * quads;
  const panelBytes = (<usize>tiles) << 7;
  for (let unit = begin; unit < end; unit++) {
    const group = unit / blocks;
    const firstTile = shareStart(unit % blocks, blocks, tiles);
    const lastTile = shareStart((unit % blocks) + 1, blocks, tiles);
    const first = shareStart(group, groups, positions);
    const last = shareStart(group + 1, groups, positions);
    const sums = partials + <usize>(group * panels) * panelBytes;
    for (let from = first; from < last; from += BLOCK) {
      const count = min(BLOCK, last - from);
      packSlopes(dy + ((<usize>(from * outChannels)) << 2), packed, count, panels);
      for (let tile = firstTile; tile < lastTile; ) {
        const tap = tile / quads;
        const taken = min(min(COLUMNS, quads - (tile % quads)), lastTile - tile);
        let x = from % outWidth;
        let y = (from / outWidth) % outHeight;
        let image = images + ((<usize>((from / pixels) * height * width * channels + 4 * (tile % quads))) << 2);
        const right = (tap % filterWidth) * dilationX - left;
        const down = tap / filterWidth - top;
        for (let p = 0; p < count; p++) {
          const row = y * strideY + down;
          const column = x * strideX + right;
          const inside = row >= 0 && row < height && column >= 0 && column < width;
          let source = image + ((<usize>((row * width + column) * channels)) << 2);
          let to = columns + ((<usize>p) << 4);
          for (let i = 0; i < taken; i++) {
            v128.store(to, inside ? v128.load(source) : f32x4.splat(0));
            source += 16;
            to += 16 * BLOCK;
          }
          if (++x === outWidth) {
            x = 0;
            if (++y === outHeight) {
              y = 0;
              image += (<usize>(height * width * channels)) << 2;
            }
          }
        }
        const fresh = from === first;
        const into = sums + ((<usize>tile) << 7);
        multiply(columns, taken, 16 * BLOCK, 16, count, packed, 32 * BLOCK, panels, into, panelBytes, fresh);
        tile += taken;
      }
    }
  }
}

/** dy of some positions by panels: packed[panel][position][8]. */
function packSlopes(dy: usize, packed: usize, count: i32, panels: i32): void {
  for (let p = 0; p < count; p++) {
    let to = packed + ((<usize>p) << 5);
    for (let panel = 0; panel < panels; panel++) {
      v128.store(to, v128.load(dy));
      v128.store(to, v128.load(dy, 16), 16);
      dy += 32;
      to += 32 * BLOCK;
    }
  }
}

/** out[row][output channel] = Σ over groups of partials[group][panel][row][8]. Units: blocks of 8 rows. */
export function addPanels(
  partials: usize,
  out: usize,
  groups: i32,
  rows: i32,
  outChannels: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const panelBytes = (<usize>rows) << 5;
  const groupBytes = panelBytes * <usize>(outChannels >> 3);
  const rowBytes = (<usize>outChannels) << 2;
  const last = min(rows, end * ROWS);
  for (let first = begin * ROWS; first < last; first += ROWS) {
    for (let o: usize = 0; o < rowBytes; o += 16) {
      for (let row = first; row < min(last, first + ROWS); row++) {
        const from = partials + (o >> 5) * panelBytes + ((<usize>row) << 5) + (o & 16);
        let sum = v128.load(from);
        for (let g = 1; g < groups; g++) sum = f32x4.add(sum, v128.load(from + <usize>g * groupBytes));
        v128.store(out + <usize>row * rowBytes + o, sum);
      }
    }
  }
}
