import { OptionError } from '@vqkit/core-tensor';
import { describe, expect, it } from 'vitest';
import { createFsq, type FsqOptions } from '../src/index.ts';

describe('the options of createFsq', () => {
  it('have defaults, and the config holds them all', () => {
    const fsq = createFsq({ levels: [8, 5, 5, 5] });
    expect(fsq.config).toEqual({
      levels: [8, 5, 5, 5],
      dim: 4,
      numCodebooks: 1,
      keepNumCodebooksDim: false,
      dataFormat: 'channelsLast',
      projectionHasBias: true,
      preserveSymmetry: false,
      bound: 'reference',
      boundHardClamp: false,
      noiseDropout: 0,
      orthogonalRotation: false,
      seed: 0,
    });
    expect([fsq.kind, fsq.codebookSize, fsq.dim, fsq.numCodebooks]).toEqual(['FSQ', 1000, 4, 1]);
    fsq.dispose();
  });

  it('name the hard clamp by either name, and a config makes the same quantizer again', () => {
    const clamped = { bound: 'hardClamp', boundHardClamp: true };
    for (const options of [{ bound: 'hardClamp' }, { boundHardClamp: true }, clamped] as const) {
      const fsq = createFsq({ levels: [8, 5], ...(options as Partial<FsqOptions>) });
      expect(fsq.config).toMatchObject(clamped);
      const again = createFsq(fsq.config);
      expect(again.config).toEqual(fsq.config);
      fsq.dispose();
      again.dispose();
    }
  });

  it('are copied: what the caller does to the list later does not show', () => {
    const levels = [8, 5, 5];
    const fsq = createFsq({ levels });
    levels[0] = 3;
    expect(fsq.config.levels).toEqual([8, 5, 5]);
    fsq.dispose();
  });

  it('allow 65,536 levels and a product up to 2^31 - 1', () => {
    for (const levels of [[2 ** 16], [2 ** 16, 2 ** 15 - 1], [46340, 46341], new Array(30).fill(2)]) {
      const fsq = createFsq({ levels, preserveSymmetry: true });
      expect(fsq.codebookSize).toBe(levels.reduce((a, b) => a * b, 1));
      fsq.dispose();
    }
  });

  const hole = [8, 5, 5];
  delete hole[1];
  const cases: [string, unknown, string][] = [
    ['nothing', undefined, 'options must be an object, got undefined. Pass one object, for example {}.'],
    ['a list', [8, 5, 5], 'options must be an object, got [8,5,5]. Pass one object, for example {}.'],
    [
      'an unknown key',
      { levels: [8], scale: 1 },
      "options must have no 'scale', got 1. Known options: bound, boundHardClamp, dataFormat, dim,",
    ],
    ['no levels', {}, 'levels must be a list of integers >= 2, got undefined. Pass for example [8, 5, 5, 5].'],
    ['empty levels', { levels: [] }, 'levels must be a list of integers >= 2, got []. Pass for example [8, 5, 5, 5].'],
    ['levels that are a number', { levels: 8 }, 'levels must be a list of integers >= 2, got 8.'],
    ['one level', { levels: [8, 5, 1] }, 'levels[2] must be an integer >= 2, got 1. Use 2 or more.'],
    ['no level', { levels: [0] }, 'levels[0] must be an integer >= 2, got 0. Use 2 or more.'],
    ['negative levels', { levels: [8, -5] }, 'levels[1] must be an integer >= 2, got -5. Use 2 or more.'],
    ['fractional levels', { levels: [8, 5.5] }, 'levels[1] must be an integer >= 2, got 5.5. Pass an integer >= 2.'],
    ['levels that are words', { levels: ['8'] }, 'levels[0] must be an integer >= 2, got "8". Pass an integer >= 2.'],
    ['levels that are NaN', { levels: [Number.NaN] }, 'levels[0] must be an integer >= 2, got NaN.'],
    ['a hole in the levels', { levels: hole }, 'levels[1] must be an integer >= 2, got undefined.'],
    [
      'two levels without symmetry',
      { levels: [8, 2] },
      'levels[1] must be an integer >= 3 unless preserveSymmetry is on, got 2. Pass preserveSymmetry: true, or 3 or more levels.',
    ],
    ['too many levels', { levels: [65537] }, 'levels[0] must be at most 65536, got 65537. Use several dimensions.'],
    [
      'too many codes',
      { levels: [65536, 32768] },
      'the product of levels must be at most 2^31 - 1 = 2147483647 (indices are int32), got 2147483648. Use fewer or smaller levels than [65536,32768], or several codebooks.',
    ],
    ['very many codes', { levels: new Array(9).fill(16) }, 'the product of levels must be at most 2^31 - 1'],
    ['no codebook', { levels: [8], numCodebooks: 0 }, 'numCodebooks must be an integer >= 1, got 0. Use 1 or more.'],
    [
      'codebooks without their axis',
      { levels: [8], numCodebooks: 2, keepNumCodebooksDim: false },
      'keepNumCodebooksDim must be true when there are several codebooks, got false. Leave it out.',
    ],
    [
      'keepNumCodebooksDim',
      { levels: [8], keepNumCodebooksDim: 1 },
      'keepNumCodebooksDim must be true or false, got 1.',
    ],
    ['dim', { levels: [8], dim: 0 }, 'dim must be an integer >= 1, got 0. Use 1 or more.'],
    ['a dim of null', { levels: [8], dim: null }, 'dim must be an integer >= 1, got null.'],
    [
      'dataFormat',
      { levels: [8], dataFormat: 'NCHW' },
      `dataFormat must be one of 'channelsLast', 'channelsFirst', got "NCHW". Pick one of 'channelsLast', 'channelsFirst'.`,
    ],
    [
      'projectionHasBias',
      { levels: [8], projectionHasBias: 'no' },
      'projectionHasBias must be true or false, got "no".',
    ],
    ['preserveSymmetry', { levels: [8], preserveSymmetry: 1 }, 'preserveSymmetry must be true or false, got 1.'],
    ['boundHardClamp', { levels: [8], boundHardClamp: null }, 'boundHardClamp must be true or false, got null.'],
    [
      'an unknown bound',
      { levels: [8], bound: 'tanh' },
      "bound must be one of 'reference', 'hardClamp', 'official', 's3Tokenizer', 'twice', got \"tanh\".",
    ],
    [
      'two bounds at once',
      { levels: [8], bound: 'official', boundHardClamp: true },
      "bound with boundHardClamp must be one of 'hardClamp', got \"official\". Pick one of 'hardClamp'.",
    ],
    [
      'a symmetric form that was never published',
      { levels: [8], bound: 'official', preserveSymmetry: true },
      "bound with preserveSymmetry must be one of 'reference', 'hardClamp', got \"official\".",
    ],
    [
      'other levels than 3 of S3Tokenizer',
      { levels: [3, 5], bound: 's3Tokenizer' },
      'levels[1] with bound s3Tokenizer must be an integer from 3 to 3, got 5. Use 3 or less.',
    ],
    [
      'levels that the official bound does not reach',
      { levels: [1001], bound: 'official' },
      'levels[0] with bound official must be an integer from 2 to 1000, got 1001. Use 1000 or less.',
    ],
    ['orthogonalRotation', { levels: [8], orthogonalRotation: 0 }, 'orthogonalRotation must be true or false, got 0.'],
    [
      'noiseDropout below 0',
      { levels: [8], noiseDropout: -0.1 },
      'noiseDropout must be a number from 0 to 1, got -0.1.',
    ],
    ['noiseDropout above 1', { levels: [8], noiseDropout: 1.1 }, 'noiseDropout must be a number from 0 to 1, got 1.1.'],
    [
      'noise without symmetry',
      { levels: [8], noiseDropout: 0.5 },
      'noiseDropout must be 0 unless preserveSymmetry is on, got 0.5. Pass preserveSymmetry: true.',
    ],
    [
      'a negative seed',
      { levels: [8], seed: -1 },
      'seed must be an integer from 0 to 4294967295, got -1. Use 0 or more.',
    ],
    ['a large seed', { levels: [8], seed: 2 ** 32 }, 'seed must be an integer from 0 to 4294967295, got 4294967296.'],
  ];
  for (const [name, options, message] of cases) {
    it(`reject ${name}`, () => {
      const call = (): unknown => createFsq(options as FsqOptions);
      expect(call).toThrow(OptionError);
      expect(call).toThrow(`createFsq: ${message}`);
    });
  }
});
