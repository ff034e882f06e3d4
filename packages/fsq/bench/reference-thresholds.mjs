// Where the float32 chain of vector-quantize-pytorch steps to the next level, against FSQ's thresholds: how many float32 values lie
// between the two, and how far apart they are. Run on the built package: node bench/reference-thresholds.mjs

import { fsqThresholds } from '../dist/index.js';
import { referenceLevel } from './reference-chain.mjs';

/** @import { Bound } from './reference-chain.mjs' */

const bits = new Int32Array(1);
const float = new Float32Array(bits.buffer);

/** float32 values in order, as integers: neighbours differ by 1, 0 and -0 are both 0. */
const toOrder = (/** @type {number} */ value) => {
  float[0] = value;
  const word = /** @type {number} */ (bits[0]);
  return word >= 0 ? word : -(word & 0x7fffffff);
};
const fromOrder = (/** @type {number} */ order) => {
  bits[0] = order >= 0 ? order : -order | 0x80000000;
  return /** @type {number} */ (float[0]);
};

/** The smallest float32 whose level is at least j, by bisection: the chain never falls. */
function referenceThreshold(/** @type {number} */ j, /** @type {number} */ levels, /** @type {Bound} */ bound) {
  let [below, above] = [toOrder(-30), toOrder(30)];
  while (above - below > 1) {
    const middle = Math.floor((above + below) / 2);
    if (referenceLevel(fromOrder(middle), levels, bound) >= j) above = middle;
    else below = middle;
  }
  return fromOrder(above);
}

for (const preserveSymmetry of [false, true]) {
  for (const boundHardClamp of [false, true]) {
    const bound = { preserveSymmetry, boundHardClamp };
    console.log(`\npreserveSymmetry ${preserveSymmetry}, boundHardClamp ${boundHardClamp}`);
    for (let levels = preserveSymmetry ? 2 : 3; levels <= 16; levels++) {
      const counts = [];
      let widest = 0;
      for (const [i, threshold] of /** @type {number[]} */ (fsqThresholds([levels], bound)[0]).entries()) {
        const theirs = referenceThreshold(i + 1, levels, bound);
        counts.push(Math.abs(toOrder(theirs) - toOrder(threshold)));
        widest = Math.max(widest, Math.abs(theirs - threshold));
      }
      console.log(`L = ${String(levels).padStart(2)}: ${counts.join(' ')}   widest ${widest.toExponential(1)}`);
    }
  }
}
