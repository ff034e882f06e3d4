import type { DataFormat, Quantizer } from '@vqkit/core-tensor';
import { describeQuantizer } from '@vqkit/testing';
import * as fc from 'fast-check';
import { anyRecipe, fsq, grouped, lfq, make, type Recipe, residual, simVq } from './recipes.ts';

interface Call {
  readonly dataFormat?: DataFormat;
  readonly seed?: number;
}

/** The options of a residual (or grouped) quantizer as plain data: also what `config` holds. */
function create(kind: 'Residual' | 'Grouped'): (options: object & Call) => Quantizer {
  return ({ seed, ...config }) => make({ kind, config } as Recipe, seed);
}

const rows = (dim: number): Recipe[] => [
  simVq({ dim, codebookSize: 9 }),
  fsq({ levels: new Array<number>(dim).fill(5) }),
  lfq({ dim, codebookScale: 0.5 }),
];
const projected = (codebookScale: number): Recipe => lfq({ dim: 4, codebookSize: 8, codebookScale });
const nested = (depth: number, kind: Recipe['kind']): fc.Arbitrary<object> =>
  fc
    .integer({ min: 2, max: 5 })
    .chain((dim) => anyRecipe(dim, depth).filter((recipe) => recipe.kind === kind))
    .map(({ config }) => config);

describeQuantizer<object>('A residual quantizer', {
  create: create('Residual'),
  variants: {
    'SimVQ, FSQ, LFQ': residual(rows(4)).config,
    'layers with projections': residual([projected(1), projected(0.5), lfq({ dim: 4, codebookScale: 0.25 })]).config,
    'spherical and rotated, per layer': residual(
      [
        lfq({ dim: 4, spherical: true }),
        lfq({ dim: 4, spherical: true, orthogonalRotation: true, codebookScale: 0.5 }),
      ],
      { gradient: 'perLayer' },
    ).config,
    'of residuals': residual([
      residual(rows(2)),
      residual([lfq({ dim: 2, codebookScale: 0.25 }), lfq({ dim: 2, codebookScale: 0.125 })]),
    ]).config,
    'of grouped': residual([grouped([...rows(2)]), grouped([lfq({ dim: 4 }), simVq({ dim: 2, codebookSize: 7 })])])
      .config,
  },
  random: nested(2, 'Residual'),
  straightThrough: ['SimVQ, FSQ, LFQ', 'of residuals', 'of grouped'],
});

describeQuantizer<object>('A grouped quantizer', {
  create: create('Grouped'),
  variants: {
    'SimVQ, FSQ, LFQ': grouped([simVq({ dim: 3, codebookSize: 9 }), fsq({ levels: [5, 4] }), projected(1)]).config,
    'of residuals': grouped([residual(rows(2)), residual([lfq({ dim: 3 }), lfq({ dim: 3, codebookScale: 0.5 })])])
      .config,
    'of grouped': grouped([grouped(rows(2)), grouped([lfq({ dim: 1 })])]).config,
  },
  random: nested(2, 'Grouped'),
});
