// The float32 chain by which vector-quantize-pytorch finds a level, emulated operation by operation, each rounded to float32, with a
// correctly rounded tanh; PyTorch's own tanh may differ from that in the last bit.

const f = Math.fround;

/** @typedef {{ preserveSymmetry: boolean, boundHardClamp: boolean }} Bound */

const roundHalfEven = (/** @type {number} */ x) => {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
};

/** The level that the reference library gives to z. */
export function referenceLevel(/** @type {number} */ z, /** @type {number} */ levels, /** @type {Bound} */ bound) {
  const squash = (/** @type {number} */ x) => (bound.boundHardClamp ? Math.min(Math.max(x, -1), 1) : f(Math.tanh(x)));
  if (bound.preserveSymmetry) {
    const bracket = f(f(f((levels - 1) * f(squash(z) + 1)) / 2) + 0.5);
    return Math.floor(bracket);
  }
  const half = f(f((levels - 1) * f(1 + 1e-3)) / 2);
  const offset = levels % 2 === 0 ? 0.5 : 0;
  const ratio = f(offset / half);
  const shift = bound.boundHardClamp ? ratio : f(Math.atanh(ratio));
  const bounded = f(f(squash(f(z + shift)) * half) - offset);
  return roundHalfEven(bounded) + Math.floor(levels / 2);
}
