import { describe, expect, it } from 'vitest';
import { OptionError, resolveTokenOptions, type TokenConfig } from '../src/index.ts';

const resolve = (options: Partial<TokenConfig> = {}): TokenConfig => resolveTokenOptions('createX', options, 4);

describe('resolveTokenOptions', () => {
  it('fills in the defaults', () => {
    expect(resolve()).toEqual({
      dim: 4,
      numCodebooks: 1,
      keepNumCodebooksDim: false,
      dataFormat: 'channelsLast',
      projectionHasBias: true,
      seed: 0,
    });
    expect(resolve({ numCodebooks: 3 })).toMatchObject({ dim: 12, keepNumCodebooksDim: true });
  });

  it('keeps what is given, and leaves out what is not its own', () => {
    const given: TokenConfig = {
      dim: 7,
      numCodebooks: 1,
      keepNumCodebooksDim: true,
      dataFormat: 'channelsFirst',
      projectionHasBias: false,
      seed: 2 ** 32 - 1,
    };
    expect(resolve({ ...given, levels: [2] } as Partial<TokenConfig>)).toEqual(given);
  });

  it.each([
    [{ dim: 0 }, 'createX: dim must be an integer >= 1, got 0. Use 1 or more.'],
    [{ numCodebooks: 1.5 }, 'createX: numCodebooks must be an integer >= 1, got 1.5.'],
    [
      { numCodebooks: 2, keepNumCodebooksDim: false },
      'createX: keepNumCodebooksDim must be true when there are several codebooks, got false. Leave it out.',
    ],
    [{ keepNumCodebooksDim: 1 }, 'createX: keepNumCodebooksDim must be true or false, got 1.'],
    [{ dataFormat: 'NCHW' }, "createX: dataFormat must be one of 'channelsLast', 'channelsFirst', got \"NCHW\"."],
    [{ projectionHasBias: null }, 'createX: projectionHasBias must be true or false, got null.'],
    [{ seed: -1 }, 'createX: seed must be an integer from 0 to 4294967295, got -1.'],
  ])('refuses %j', (options, message) => {
    expect(() => resolve(options as Partial<TokenConfig>)).toThrow(OptionError);
    expect(() => resolve(options as Partial<TokenConfig>)).toThrow(message);
  });
});
