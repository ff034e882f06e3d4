/** Where the elements of a tensor stand for a walk over some shape: one step per axis, 0 along an axis that is repeated. */
export interface Walk {
  readonly base: number;
  readonly strides: readonly number[];
}

/** Row-major steps of a shape. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = (strides[axis + 1] as number) * (shape[axis + 1] as number);
  }
  return strides;
}

/** The walk over `to` that repeats a tensor of a smaller shape, as arithmetic broadcasts it. */
export function broadcastWalk(shape: readonly number[], to: readonly number[]): Walk {
  const own = stridesOf(shape);
  const missing = to.length - shape.length;
  const strides = to.map((_, axis) =>
    axis < missing || shape[axis - missing] === 1 ? 0 : own[axis - missing],
  ) as number[];
  return { base: 0, strides };
}

/** Fields of `params` that tell a shader of {@link walkWgsl} its shape and walks. */
export function walkParams(rank: number, walks: readonly string[]): Record<string, 'u32' | 'i32'> {
  const fields: Record<string, 'u32' | 'i32'> = {};
  for (let axis = 0; axis < rank; axis++) fields[`size${axis}`] = 'u32';
  for (const name of walks) {
    fields[`${name}Base`] = 'i32';
    for (let axis = 0; axis < rank; axis++) fields[`${name}${axis}`] = 'i32';
  }
  return fields;
}

export function walkValues(shape: readonly number[], walks: Readonly<Record<string, Walk>>): Record<string, number> {
  const values: Record<string, number> = {};
  for (const [axis, size] of shape.entries()) values[`size${axis}`] = size;
  for (const [name, { base, strides }] of Object.entries(walks)) {
    values[`${name}Base`] = base;
    for (const [axis, stride] of strides.entries()) values[`${name}${axis}`] = stride;
  }
  return values;
}

/** WGSL that gives every walk's position `<name>At : i32` for the flat index `row`, the last axis fastest. */
export function walkWgsl(rank: number, walks: readonly string[]): string {
  const lines = walks.map((name) => `var ${name}At = params.${name}Base;`);
  lines.push('var rest = params.first + row;');
  for (let axis = rank - 1; axis >= 0; axis--) {
    lines.push(`let place${axis} = i32(rest % params.size${axis});`);
    if (axis > 0) lines.push(`rest /= params.size${axis};`);
    for (const name of walks) lines.push(`${name}At += place${axis} * params.${name}${axis};`);
  }
  return lines.join('\n');
}
