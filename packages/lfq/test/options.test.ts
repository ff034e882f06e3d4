import { OptionError } from '@vqkit/core-tensor';
import { startEngine } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { createLfq, type LfqOptions } from '../src/index.ts';

/** The call throws OptionError, and its message says function, argument, rule, value and fix. */
function expectBad(options: unknown, message: RegExp): void {
  const call = (): unknown => createLfq(options as LfqOptions);
  expect(call).toThrow(OptionError);
  expect(call).toThrow(/^createLfq: .+\.$/);
  expect(call).toThrow(message);
}

describe('the options of createLfq', () => {
  beforeAll(() => startEngine('cpu'));

  it('have the defaults of the reference library', () => {
    const lfq = createLfq({ dim: 8 });
    expect(lfq.config).toEqual({
      dim: 8,
      codebookSize: 256,
      entropyLossWeight: 0.1,
      commitmentLossWeight: 0,
      unitNormLossWeight: 0,
      diversityGamma: 1,
      invTemperature: 100,
      numCodebooks: 1,
      keepNumCodebooksDim: false,
      codebookScale: 1,
      fracPerSampleEntropy: 1,
      hasProjections: false,
      projectionHasBias: true,
      softClampInputValue: null,
      cosineSimProjectIn: false,
      cosineSimProjectInScale: 1,
      dataFormat: 'channelsLast',
      experimentalSoftplusEntropyLoss: false,
      entropyLossOffset: 5,
      spherical: false,
      orthogonalRotation: false,
      straightThroughActivation: 'identity',
      bitOrder: 'msbFirst',
      pooledCodebookEntropy: false,
      sphericalGradient: 'reference',
      entropyEps: null,
      seed: 0,
    });
    expect([lfq.kind, lfq.dim, lfq.codebookSize, lfq.numCodebooks]).toEqual(['LFQ', 8, 256, 1]);
    lfq.dispose();
  });

  it('derive dim, projections, the kept axis and the cosine scale', () => {
    const sizes = (options: LfqOptions): unknown[] => {
      const lfq = createLfq(options);
      const { dim, codebookSize, hasProjections, keepNumCodebooksDim, cosineSimProjectInScale } = lfq.config;
      const shapes = Object.entries(lfq.stateDict()).map(([name, { shape }]) => [name, shape]);
      lfq.dispose();
      return [dim, codebookSize, hasProjections, keepNumCodebooksDim, cosineSimProjectInScale, shapes];
    };
    const linear = (dim: number, inner: number, bias = true): unknown[] => [
      ['project_in.weight', [inner, dim]],
      ...(bias ? [['project_in.bias', [inner]]] : []),
      ['project_out.weight', [dim, inner]],
      ...(bias ? [['project_out.bias', [dim]]] : []),
    ];
    expect(sizes({ codebookSize: 8 })).toEqual([3, 8, false, false, 1, []]);
    expect(sizes({ codebookSize: 8, numCodebooks: 2 })).toEqual([6, 8, false, true, 1, []]);
    expect(sizes({ dim: 5, codebookSize: 8 })).toEqual([5, 8, true, false, 1, linear(5, 3)]);
    expect(sizes({ dim: 5, codebookSize: 8, numCodebooks: 2, projectionHasBias: false })).toEqual([
      ...[5, 8, true, true, 1],
      linear(5, 6, false),
    ]);
    expect(sizes({ dim: 3, hasProjections: true })).toEqual([3, 8, true, false, 1, linear(3, 3)]);
    const [, , , , scale, state] = sizes({ dim: 5, codebookSize: 8, cosineSimProjectIn: true, codebookScale: 2 });
    expect(scale).toBe(2);
    expect(state).toEqual([['project_in.weight', [5, 3]], ...linear(5, 3).slice(2)]);
    expect(sizes({ dim: 3, orthogonalRotation: true })).toEqual([3, 8, false, false, 1, [['orthogonal_rot', [3, 3]]]]);
  });

  it('accept the state of the reference library, which also holds `mask`', () => {
    const lfq = createLfq({ dim: 4 });
    lfq.loadStateDict({ mask: [8, 4, 2, 1] as never });
    expect(lfq.stateDict()).toEqual({});
    lfq.dispose();
  });

  it('have bounds for sizes', () => {
    expectBad({}, /codebookSize must be given when dim is not, got undefined/);
    expectBad({ dim: 4, numCodebooks: 2 }, /codebookSize must be given when there are several codebooks/);
    for (const codebookSize of [0, 1, 2.5, '8', null, Number.NaN, 2 ** 31])
      expectBad({ codebookSize }, /codebookSize must be an integer/);
    expectBad({ codebookSize: 1000 }, /codebookSize must be a power of two, got 1000\. Use 512 or 1024\./);
    for (const dim of [0, -1, 1.5, '4', null]) expectBad({ dim }, /dim must be an integer >= 1/);
    expectBad({ dim: 31 }, /dim must be at most 30 bits when codebookSize is left out, got 31/);
    for (const numCodebooks of [0, 1.5, '2']) expectBad({ codebookSize: 8, numCodebooks }, /numCodebooks must be/);
    for (const seed of [-1, 2 ** 32, 0.5]) expectBad({ dim: 2, seed }, /seed must be an integer/);
  });

  it('limit the entropy loss to 2^20 codes, and say what to do instead', () => {
    const message =
      /codebookSize must be at most 2\^20 for the entropy loss, got 2097152\. Pass entropyLossWeight: 0, or several/;
    expectBad({ codebookSize: 2 ** 21 }, message);
    expectBad({ dim: 21 }, message);
    createLfq({ codebookSize: 2 ** 20 }).dispose();
    for (const codebookSize of [2 ** 21, 2 ** 24, 2 ** 30]) createLfq({ codebookSize, entropyLossWeight: 0 }).dispose();
    createLfq({ codebookSize: 2 ** 20, numCodebooks: 3 }).dispose();
  });

  it('name published code', () => {
    expectBad({ dim: 2, bitOrder: 'big' }, /bitOrder must be one of 'msbFirst', 'lsbFirst', got "big"/);
    expectBad({ dim: 2, pooledCodebookEntropy: 1 }, /pooledCodebookEntropy must be true or false, got 1/);
    expectBad({ dim: 2, sphericalGradient: 1 }, /sphericalGradient must be one of 'reference', 'official', got 1/);
    expectBad(
      { dim: 2, sphericalGradient: 'official' },
      /sphericalGradient must be 'reference' unless spherical is on, got "official"\. Pass spherical: true\./,
    );
  });

  it('have bounds for weights', () => {
    for (const name of ['entropyLossWeight', 'commitmentLossWeight', 'unitNormLossWeight', 'diversityGamma'])
      for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY, '1', null])
        expectBad({ dim: 2, [name]: value }, new RegExp(`${name} must be a finite number >= 0`));
    for (const value of [0, -0.1, 1.1, Number.NaN, '1'])
      expectBad({ dim: 2, fracPerSampleEntropy: value }, /fracPerSampleEntropy must be a number above 0 and at most 1/);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, '5'])
      expectBad({ dim: 2, entropyLossOffset: value }, /entropyLossOffset must be a finite number/);
    for (const value of [0, 1, -1, '1e-5'])
      expectBad({ dim: 2, entropyEps: value }, /entropyEps must be a number between/);
    expectBad({ dim: 13, entropyEps: 1e-5 }, /codebookSize must be at most 2\^12 with entropyEps, got 8192/);
  });

  it('have rules for the features', () => {
    for (const name of ['codebookScale', 'cosineSimProjectInScale', 'softClampInputValue'])
      for (const value of [0, -1, Number.NaN, '1'])
        expectBad({ dim: 2, [name]: value }, new RegExp(`${name} must be a finite number > 0`));
    expectBad(
      { dim: 2, softClampInputValue: 1, codebookScale: 2 },
      /softClampInputValue must be at least codebookScale \(2\), got 1/,
    );
    expectBad(
      { dim: 2, straightThroughActivation: 'relu' },
      /straightThroughActivation must be one of 'identity', 'tanh', 'hardTanh'/,
    );
    expectBad({ dim: 2, dataFormat: 'NCHW' }, /dataFormat must be one of/);
    expectBad({ dim: 2, cosineSimProjectIn: true }, /cosineSimProjectIn must be false when there are no projections/);
    expectBad(
      { dim: 5, codebookSize: 8, hasProjections: false },
      /hasProjections must be true when dim \(5\) differs from .+ \(3\)/,
    );
    expectBad(
      { codebookSize: 8, numCodebooks: 2, keepNumCodebooksDim: false },
      /keepNumCodebooksDim must be true when/,
    );
    for (const name of [
      'keepNumCodebooksDim',
      'hasProjections',
      'projectionHasBias',
      'cosineSimProjectIn',
      'experimentalSoftplusEntropyLoss',
      'spherical',
      'orthogonalRotation',
    ])
      expectBad({ dim: 2, [name]: 1 }, new RegExp(`${name} must be true or false, got 1`));
  });

  it('take a temperature or a schedule of it', () => {
    for (const invTemperature of [0, -1, Number.NaN, '100', null, [1]])
      expectBad({ dim: 2, invTemperature }, /invTemperature/);
    expectBad(
      { dim: 2, invTemperature: { from: 1, to: 0, steps: 10 } },
      /invTemperature\.to must be a finite number > 0/,
    );
    expectBad({ dim: 2, invTemperature: { from: 1, to: 2, steps: 10, shape: 'step' } }, /invTemperature\.shape/);
    createLfq({ dim: 2, invTemperature: { from: 10, to: 100, steps: 1000 } }).dispose();
  });

  it('must be known', () => {
    expectBad(
      { dim: 2, entropyWeight: 1 },
      /options must have no 'entropyWeight', got 1\. Known options: bitOrder, codebookScale/,
    );
    expectBad(undefined, /options must be an object, got undefined/);
  });
});
