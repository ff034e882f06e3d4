import { describe, expect, it } from 'vitest';
import { createTracker, type TrackerOptions, type TrackerUpdate } from '../src/index.ts';

describe('bad input', () => {
  it('in options', () => {
    const bad =
      (options: object): (() => unknown) =>
      () =>
        createTracker(options as TrackerOptions);
    expect(bad({ codebookSize: 0 })).toThrow(
      'createTracker: codebookSize must be an integer >= 1, got 0. Use 1 or more.',
    );
    expect(bad({ codebookSize: 2 ** 31 })).toThrow('createTracker: codebookSize');
    expect(bad({ codebookSize: 4, numCodebooks: 1.5 })).toThrow('createTracker: numCodebooks');
    expect(bad({ codebookSize: 4, window: 0 })).toThrow(
      "createTracker: window (unless 'all') must be an integer >= 1, got 0",
    );
    expect(bad({ codebookSize: 4, windows: 3 })).toThrow("createTracker: options must have no 'windows'");
  });

  const indices = Int32Array.of(0, 1, 2, 3);
  const eight = new Float32Array(8);
  const nan = Float32Array.of(0, 0, 0, 0, 0, Number.NaN, 0, 0);
  const cases: [what: string, update: object, error: string, name: string][] = [
    ['unknown key', { indices, latent: eight }, "createTracker().update: options must have no 'latent'", 'OptionError'],
    ['list of indices', { indices: [1, 2] }, 'update: indices must be an Int32Array, got Array', 'DtypeError'],
    [
      'index too large',
      { indices: Int32Array.of(0, 1, 16) },
      'update: indices[2] must be in [0, 16) or -1 for padding, got 16',
      'DataError',
    ],
    [
      'index below -1',
      { indices: Int32Array.of(-1, -2) },
      'indices[1] must be in [0, 16) or -1 for padding, got -2',
      'DataError',
    ],
    ['mask too short', { indices, mask: [1, 1] }, 'mask must have one value per token, 4, got 2', 'ShapeError'],
    ['codes without latents', { indices, codes: eight }, 'latents must be given when codes are', 'OptionError'],
    [
      'latents too short',
      { indices, latents: new Float32Array(7), dim: 2 },
      'latents must have 4 tokens × 2 features = 8 elements, got 7',
      'ShapeError',
    ],
    [
      'codes too short',
      { indices, latents: eight, codes: new Float32Array(4) },
      'codes must have 4 tokens × 2 features = 8 elements, got 4',
      'ShapeError',
    ],
    ['bad dim', { indices, latents: eight, dim: 0 }, 'dim must be an integer >= 1, got 0', 'OptionError'],
    [
      'other dim',
      { indices, latents: new Float32Array(12), dim: 3 },
      'dim must stay 2 as in earlier updates, got 3',
      'ShapeError',
    ],
    [
      'list of latents',
      { indices, latents: [1, 2, 3, 4] },
      'latents must be a Float32Array, got [1,2,3,4]',
      'DtypeError',
    ],
    [
      'latents without tokens',
      { indices: new Int32Array(0), latents: eight },
      'latents must have 0 tokens',
      'ShapeError',
    ],
    ['NaN latent', { indices, latents: nan }, 'latents must be finite, got NaN at token 2, feature 1', 'DataError'],
    [
      'NaN code',
      { indices, latents: eight, codes: nan },
      'codes must be finite, got NaN at token 2, feature 1',
      'DataError',
    ],
    [
      'infinite latent',
      { indices, latents: eight.map(() => Number.NEGATIVE_INFINITY) },
      'got -Infinity at token 0, feature 0',
      'DataError',
    ],
    [
      'NaN entropy',
      { indices, perSampleEntropy: Number.NaN },
      'perSampleEntropy must be a finite number of nats, got NaN',
      'DataError',
    ],
    [
      'infinite entropy',
      { indices, codebookEntropy: Number.POSITIVE_INFINITY },
      'codebookEntropy must be a finite',
      'DataError',
    ],
  ];
  for (const [what, update, message, name] of cases) {
    it(`in an update, ${what}: throws and changes nothing`, () => {
      const tracker = createTracker({ codebookSize: 16, window: 3 });
      tracker.update({ indices, latents: eight.map((_, i) => i), codes: eight, codebookEntropy: 1 });
      const before = [tracker.report(), tracker.usage()];
      expect(() => tracker.update(update as TrackerUpdate)).toThrow(message);
      expect(() => tracker.update(update as TrackerUpdate)).toThrow(expect.objectContaining({ name }));
      expect([tracker.report(), tracker.usage()]).toEqual(before);
    });
  }

  it('in the number of indices, features and codebooks', () => {
    const tracker = createTracker({ codebookSize: 16, numCodebooks: 3 });
    expect(() => tracker.update({ indices })).toThrow('indices must hold 3 per token (numCodebooks), got 4 in all');
    const fresh = createTracker({ codebookSize: 16 });
    expect(() => fresh.update({ indices, latents: new Float32Array(6) })).toThrow(
      'createTracker().update: latents.length / N must be an integer >= 1, got 1.5',
    );
    expect(() => tracker.usage(3)).toThrow('createTracker().usage: codebook must be an integer from 0 to 2, got 3');
  });
});
