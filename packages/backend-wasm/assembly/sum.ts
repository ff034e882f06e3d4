/**
 * Sums of the columns of x [rows, columns], cut into `groups` of rows with a partial result each (added in order by addPartials, so
 * that the bits do not depend on the threads). Units: groups.
 */
export function sumColumns(
  x: usize,
  partials: usize,
  rows: i32,
  columns: i32,
  groups: i32,
  begin: i32,
  end: i32,
  _worker: i32,
): void {
  const rowBytes = (<usize>columns) << 2;
  for (let group = begin; group < end; group++) {
    const first = <i32>((<i64>group * rows) / groups);
    const last = <i32>((<i64>(group + 1) * rows) / groups);
    const from = x + <usize>first * rowBytes;
    const to = partials + <usize>group * rowBytes;
    if (columns < 4) sumNarrow(from, to, last - first, columns);
    else sumWide(from, to, last - first, columns);
  }
}

/** Rows are counted: the address behind the last one may lie beyond 2^32, and begin at 0 again. */
function sumWide(x: usize, to: usize, rows: i32, columns: i32): void {
  const rowBytes = (<usize>columns) << 2;
  let c: usize = 0;
  for (; c + 64 <= rowBytes; c += 64) {
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let from = x + c;
    for (let row = 0; row < rows; row++) {
      s0 = f32x4.add(s0, v128.load(from));
      s1 = f32x4.add(s1, v128.load(from, 16));
      s2 = f32x4.add(s2, v128.load(from, 32));
      s3 = f32x4.add(s3, v128.load(from, 48));
      from += rowBytes;
    }
    v128.store(to + c, s0);
    v128.store(to + c, s1, 16);
    v128.store(to + c, s2, 32);
    v128.store(to + c, s3, 48);
  }
  for (; c + 16 <= rowBytes; c += 16) {
    let s = f32x4.splat(0);
    let from = x + c;
    for (let row = 0; row < rows; row++) {
      s = f32x4.add(s, v128.load(from));
      from += rowBytes;
    }
    v128.store(to + c, s);
  }
  for (; c < rowBytes; c += 4) {
    let s: f32 = 0;
    let from = x + c;
    for (let row = 0; row < rows; row++) {
      s += load<f32>(from);
      from += rowBytes;
    }
    store<f32>(to + c, s);
  }
}

/** One to three columns: four rows are that many vectors, whose lanes belong to the columns in turn. */
function sumNarrow(x: usize, to: usize, rows: i32, columns: i32): void {
  const block = (<usize>columns) << 4;
  const blocks = rows >> 2;
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let from = x;
  for (let i = 0; i < blocks; i++) {
    s0 = f32x4.add(s0, v128.load(from));
    if (columns > 1) s1 = f32x4.add(s1, v128.load(from, 16));
    if (columns > 2) s2 = f32x4.add(s2, v128.load(from, 32));
    from += block;
  }
  for (let c = 0; c < columns; c++) store<f32>(to + ((<usize>c) << 2), 0);
  addLanes(to, s0, 0, columns);
  if (columns > 1) addLanes(to, s1, 4, columns);
  if (columns > 2) addLanes(to, s2, 8, columns);
  for (let i = blocks << 2; i < rows; i++) {
    for (let c = 0; c < columns; c++) {
      addTo(to, c, load<f32>(from));
      from += 4;
    }
  }
}

function addLanes(to: usize, v: v128, position: i32, columns: i32): void {
  addTo(to, position % columns, f32x4.extract_lane(v, 0));
  addTo(to, (position + 1) % columns, f32x4.extract_lane(v, 1));
  addTo(to, (position + 2) % columns, f32x4.extract_lane(v, 2));
  addTo(to, (position + 3) % columns, f32x4.extract_lane(v, 3));
}

function addTo(to: usize, column: i32, value: f32): void {
  const at = to + ((<usize>column) << 2);
  store<f32>(at, load<f32>(at) + value);
}
