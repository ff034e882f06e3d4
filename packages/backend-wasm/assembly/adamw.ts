/** One step of AdamW: see core-tensor's adamw-step.ts. */
export function adamWStep(
  parameter: usize,
  gradient: usize,
  m: usize,
  v: usize,
  nextParameter: usize,
  nextM: usize,
  nextV: usize,
  size: i32,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  decay: f32,
  rate: f32,
  rootScale: f32,
  epsilon: f32,
): void {
  const bytes = (<usize>size) << 2;
  const whole = bytes & ~15;
  let i: usize = 0;
  for (; i < whole; i += 16) {
    const g = v128.load(gradient + i);
    const first = f32x4.add(f32x4.mul(v128.load(m + i), f32x4.splat(beta1)), f32x4.mul(g, f32x4.splat(rest1)));
    const square = f32x4.mul(f32x4.mul(g, g), f32x4.splat(rest2));
    const second = f32x4.add(f32x4.mul(v128.load(v + i), f32x4.splat(beta2)), square);
    const root = f32x4.add(f32x4.mul(f32x4.sqrt(second), f32x4.splat(rootScale)), f32x4.splat(epsilon));
    const change = f32x4.div(f32x4.mul(first, f32x4.splat(rate)), root);
    v128.store(nextParameter + i, f32x4.sub(f32x4.mul(v128.load(parameter + i), f32x4.splat(decay)), change));
    v128.store(nextM + i, first);
    v128.store(nextV + i, second);
  }
  for (; i < bytes; i += 4) {
    const g = load<f32>(gradient + i);
    const first = load<f32>(m + i) * beta1 + g * rest1;
    const second = load<f32>(v + i) * beta2 + g * g * rest2;
    const change = (first * rate) / (sqrt(second) * rootScale + epsilon);
    store<f32>(nextParameter + i, load<f32>(parameter + i) * decay - change);
    store<f32>(nextM + i, first);
    store<f32>(nextV + i, second);
  }
}
