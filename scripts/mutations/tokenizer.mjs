/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/tokenizer/src/tokenizer.ts',
    fault: 'encode leaves out GroupNorm',
    from: 'return tidy(() => quantizer.encode(run(encoder, data)));',
    to: "return tidy(() => quantizer.encode(run(encoder.filter(({ path }) => path !== 'norm'), data)));",
  },
  {
    file: 'packages/tokenizer/src/modalities.ts',
    fault: 'NaN becomes a picture on wasm',
    from: 'add(clipByValue(images, -1, 1), mul(images, 0))',
    to: 'clipByValue(images, -1, 1)',
  },
  {
    file: 'packages/tokenizer/src/tokenizer.ts',
    fault: 'the step does not reach the quantizer',
    from: 'quantizer.quantize(latents, { training, step });',
    to: 'quantizer.quantize(latents, { training });',
  },
  {
    file: 'packages/tokenizer/src/tokenizer.ts',
    fault: "the description of a file lacks the constructor's defaults",
    from: 'const config = ordered(described, quantizer.config as Readonly<Record<string, unknown>>);',
    to: 'const config = ordered(described);',
  },
  {
    file: 'packages/tokenizer/src/tokenizer.ts',
    fault: 'a weight that is missing in a state is left as it is',
    from: 'if (unknown.length > 0 || missing.length > 0) {',
    to: 'if (unknown.length > 0) {',
  },
  {
    file: 'packages/tokenizer/src/tokenizer.ts',
    fault: 'dispose leaves the weights',
    from: '      for (const { variable } of weights) variable.dispose();\n',
    to: '',
  },
  {
    file: 'packages/tokenizer/src/file.ts',
    fault: 'a file with NaN in its weights is loaded',
    from: "    requireFiniteWeights('tokenizer', tensors, 'Export a run that did not diverge.');\n",
    to: '',
  },
  {
    file: 'packages/tokenizer/src/file.ts',
    fault: 'what a description asks for is allocated whatever the file holds',
    from: 'limitParameters(numbers, () =>',
    to: 'limitParameters(1e9 + numbers, () =>',
  },
  {
    file: 'packages/tokenizer/src/pixels.ts',
    fault: 'halves are rounded to even',
    from: 'pixels[i] = Math.round((((values[i] as number) + 1) / 2) * 255);',
    to: 'pixels[i] = (((values[i] as number) + 1) / 2) * 255;',
  },
  {
    file: 'packages/tokenizer/src/config.ts',
    fault: 'the layout of images may be channels first in a file',
    from: "dataFormat === undefined || dataFormat === 'channelsLast',",
    to: "dataFormat === undefined || dataFormat !== '',",
  },
  {
    file: 'packages/quantizers/src/entries/fsq.ts',
    fault: 'the recipe of one method is that of another',
    from: 'const recipe = { levels: [8, 6, 5] } as const;',
    to: 'const recipe = { levels: [8, 5, 5] } as const;',
    tests: ['packages/quantizers/test', 'packages/tokenizer/test/config.test.ts'],
  },
];
