import { abs, div, mean, mul, randomUniform, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { type QuantizerName, quantizerNames } from '@vqkit/quantizers';
import { createAudioTokenizer, createImageTokenizer, createVectorTokenizer, type Tokenizer } from '@vqkit/tokenizer';

/** Small networks of every architecture, by name. */
export const ARCHITECTURES: Readonly<Record<string, (quantizer: QuantizerName) => Tokenizer>> = {
  conv: (quantizer) => createImageTokenizer({ quantizer, widths: [8, 16], channels: 3 }) as unknown as Tokenizer,
  resnet: (quantizer) =>
    createImageTokenizer({
      architecture: 'resnet',
      quantizer,
      widths: [8, 16],
      groups: 4,
      attention: true,
    }) as unknown as Tokenizer,
  mlp: (quantizer) =>
    createVectorTokenizer({ quantizer, features: 12, hidden: [32, 16], activation: 'gelu' }) as unknown as Tokenizer,
  seanet: (quantizer) =>
    createAudioTokenizer({
      quantizer,
      filters: 4,
      strides: [2, 5],
      latentWidth: 16,
      activation: 'snake',
      causal: true,
    }) as unknown as Tokenizer,
};

/** Every architecture around every quantizer of the registry. */
export const COMBINATIONS: readonly (readonly [architecture: string, quantizer: QuantizerName])[] = Object.keys(
  ARCHITECTURES,
).flatMap((architecture) => quantizerNames().map((quantizer) => [architecture, quantizer] as const));

/** The tokenizer of a combination, with weights and codes large enough that its ids differ. */
export function makeTokenizer(architecture: string, quantizer: QuantizerName): Tokenizer {
  const tokenizer = (ARCHITECTURES[architecture] as (typeof ARCHITECTURES)[string])(quantizer);
  const spreads =
    architecture === 'resnet'
      ? /^encoder\.conv_out\.weight$/
      : architecture === 'seanet'
        ? /^encoder\.block\.4\.weight_g$/
        : /^(?:encoder|to_code).*weight$/;
  load(tokenizer, (name, held) => (spreads.test(name) ? mul(held, 2) : held));
  const spread = tidy(() => {
    const { latents } = tokenizer.forward(randomUniform(exampleOf(tokenizer, 4), -1, 1, 'float32', 1));
    return mean(abs(latents));
  });
  load(tokenizer, (name, held) => {
    if (!/embed$|frozen_codebook$/.test(name)) return held;
    const layer = Number(/layers\.(\d+)/.exec(name)?.[1] ?? 0);
    return mul(held, mul(div(spread, mean(abs(held))), 2 ** -layer));
  });
  spread.dispose();
  return tokenizer;
}

/** Shape of so many examples: images of 32 × 40, sounds of 600 samples. */
export function exampleOf({ config }: Tokenizer, count: number): number[] {
  if ('features' in config) return [count, config.features];
  return 'sampleRate' in config ? [count, 600, config.channels] : [count, 32, 40, config.channels];
}

function load(tokenizer: Tokenizer, change: (name: string, held: Tensor) => Tensor): void {
  tidy(() => {
    const state = Object.entries(tokenizer.stateDict());
    tokenizer.loadStateDict(Object.fromEntries(state.map(([name, held]) => [name, change(name, held)])));
  });
}
