// A SEANet-like layer and a strided layer of images, forward and backward: composed of tfjs's operations, and fused.
// node bench/convolution.mjs, after npm run build.
import { grads, ones, sum, tidy, unregisterKernel } from '@tensorflow/tfjs-core';
import { convolution } from '@vqkit/nn';
import { init } from '../dist/index.js';

const NAMES = ['Convolution', 'ConvolutionGradInput', 'ConvolutionGradFilter'];
const along = (kernel, stride, dilation) => ({
  stride,
  dilation,
  before: Math.floor((dilation * (kernel - 1)) / 2),
  after: Math.ceil((dilation * (kernel - 1)) / 2),
});
const one = along(1, 1, 1);
const cases = {
  'audio, 7 taps, dilation 3': [
    [4, 1, 4000, 32],
    [1, 7, 32, 32],
    [one, along(7, 1, 3)],
  ],
  'audio, 8 taps, stride 4': [
    [4, 1, 4000, 32],
    [1, 8, 32, 64],
    [one, along(8, 4, 1)],
  ],
  'images, 3 × 3, stride 2': [
    [8, 32, 32, 64],
    [3, 3, 64, 64],
    [along(3, 2, 1), along(3, 2, 1)],
  ],
};

await init({ threads: 1 });
const { getKernel, registerKernel } = await import('@tensorflow/tfjs-core');
const fused = NAMES.map((name) => getKernel(name, 'wasm'));
const use = (isFused) => {
  for (const name of NAMES) if (getKernel(name, 'wasm')) unregisterKernel(name, 'wasm');
  if (isFused) for (const kernel of fused) registerKernel(kernel);
};
for (const [name, [xShape, filterShape, sliding]] of Object.entries(cases)) {
  const [x, filter] = [ones(xShape), ones(filterShape)];
  const step = () => {
    const start = performance.now();
    tidy(() => grads((a, b) => sum(convolution(a, b, sliding)))([x, filter]));
    return performance.now() - start;
  };
  const ratios = [];
  const times = [[], []];
  for (let i = 0; i < 12; i++) {
    const [composed, own] = [false, true].map((isFused) => {
      use(isFused);
      return step();
    });
    if (i < 3) continue;
    times[0].push(composed);
    times[1].push(own);
    ratios.push(composed / own);
  }
  const [least, median] = [(list) => Math.min(...list), (list) => [...list].sort((a, b) => a - b)[list.length >> 1]];
  const text = times.map((list) => `${least(list).toFixed(1)} (median ${median(list).toFixed(1)}) ms`);
  console.log(`${name}: composed ${text[0]}, fused ${text[1]}, ratio ${median(ratios).toFixed(2)}`);
}
