import { OptionError } from '@vqkit/core-tensor';
import { describe, expect, it } from 'vitest';
import { type ImageTokenizerOptions, resolveOptions } from '../src/config.ts';

describe('resolveOptions', () => {
  it('fills in every default, those of the recipe too', () => {
    expect(resolveOptions('test', { quantizer: 'fsq' })).toEqual({
      architecture: 'conv',
      quantizer: 'fsq',
      quantizerOptions: { levels: [8, 6, 5], seed: 0 },
      widths: [16, 32],
      normGroups: 0,
      channels: 1,
      seed: 0,
    });
    const vq = { quantizer: 'vq', quantizerOptions: { codebookSize: 64 }, widths: [4, 6], seed: 7 } as const;
    expect(resolveOptions('test', vq)).toMatchObject({
      quantizerOptions: { dim: 6, codebookSize: 64, kmeansInit: true, seed: 7 },
      normGroups: 0,
    });
    expect(resolveOptions('test', { quantizer: 'residual-lfq' })).toMatchObject({ normGroups: 4 });
  });

  it('fills in the defaults of vectors', () => {
    const options = { architecture: 'mlp', quantizer: 'vq', features: 64 } as const;
    expect(resolveOptions('test', options)).toMatchObject({
      quantizerOptions: { dim: 64 },
      features: 64,
      hidden: [],
      latentWidth: 64,
      activation: 'relu',
      seed: 0,
    });
    expect(resolveOptions('test', { ...options, hidden: [48] })).toMatchObject({ quantizerOptions: { dim: 32 } });
  });

  it.each<[object, string]>([
    [
      { quantizer: 'fsq', architecture: 'unet' },
      "architecture must be one of 'conv', 'mlp', 'resnet', 'seanet', got \"unet\".",
    ],
    [{ quantizer: 'fsq', architecture: 'mlp' }, 'features must be an integer >= 1, got undefined.'],
    [{ quantizer: 'fsq', architecture: 'mlp', features: 4, widths: [4] }, "options must have no 'widths', got [4]."],
    [{ quantizer: 'fsq', architecture: 'mlp', features: 4, hidden: [0] }, 'hidden[0] must be an integer >= 1, got 0.'],
    [{ quantizer: 'fsq', architecture: 'mlp', features: 4, activation: 'sine' }, 'activation must be one of'],
    [{ quantizer: 'fsq', features: 4 }, "options must have no 'features', got 4."],
    [{}, 'quantizer must be one of'],
    [{ quantizer: 'pq' }, 'quantizer must be one of'],
    [{ quantizer: 'fsq', width: [4] }, "options must have no 'width', got [4]."],
    [{ quantizer: 'fsq', widths: [] }, 'widths must be a list of 1 to 16 integers >= 1, got [].'],
    [{ quantizer: 'fsq', widths: [4, 0] }, 'widths[1] must be an integer >= 1, got 0.'],
    [{ quantizer: 'simvq', widths: [4, 'x'] }, 'widths[1] must be an integer >= 1, got "x".'],
    [{ quantizer: 'fsq', widths: 4 }, 'widths must be a list of 1 to 16 integers >= 1, got 4.'],
    [{ quantizer: 'fsq', normGroups: 5 }, 'normGroups must divide the last of widths, 32, got 5. Use for example 4.'],
    [{ quantizer: 'fsq', normGroups: -1 }, 'normGroups must be an integer >= 0, got -1.'],
    [{ quantizer: 'fsq', channels: 0 }, 'channels must be an integer >= 1, got 0.'],
    [{ quantizer: 'fsq', seed: -1 }, 'seed must be an integer'],
    [{ quantizer: 'fsq', quantizerOptions: [] }, 'quantizerOptions must be an object, got [].'],
    [{ quantizer: 'fsq', quantizerOptions: { dataFormat: 'channelsFirst' } }, "must be 'channelsLast'"],
  ])('refuses %o', (options, message) => {
    const resolve = (): unknown => resolveOptions('createImageTokenizer', options as ImageTokenizerOptions);
    expect(resolve).toThrow(OptionError);
    expect(resolve).toThrow(message);
    expect(resolve).toThrow(/^createImageTokenizer: /);
  });
});
