import type { DataFormat, Quantizer } from '@vqkit/core-tensor';
import { createFsq, type FsqOptions } from '@vqkit/fsq';
import { createLfq, type LfqOptions } from '@vqkit/lfq';
import { createSimVq, type SimVqOptions } from '@vqkit/simvq';
import * as fc from 'fast-check';
import { createGrouped, createResidual, type StackOptions } from '../src/index.ts';

/** A quantizer as plain data, so that random nestings can be drawn, and made again from a `config`. */
export type Recipe =
  | { readonly kind: 'LFQ'; readonly config: LfqOptions }
  | { readonly kind: 'FSQ'; readonly config: FsqOptions }
  | { readonly kind: 'SimVQ'; readonly config: SimVqOptions }
  | { readonly kind: 'Residual'; readonly config: StackOptions & { layers: readonly Recipe[] } }
  | {
      readonly kind: 'Grouped';
      readonly config: { groups: readonly Recipe[]; dataFormat?: DataFormat; seed?: number };
    };

/** Makes the quantizer of a recipe; every part of it gets a seed of its own from `seed`. */
export function make(recipe: Recipe, seed?: number): Quantizer {
  const own = seed === undefined ? {} : { seed };
  const nested = (j: number): number | undefined => (seed === undefined ? undefined : (seed * 7 + j + 1) % 2 ** 32);
  switch (recipe.kind) {
    case 'LFQ':
      return createLfq({ ...recipe.config, ...own });
    case 'FSQ':
      return createFsq({ ...recipe.config, ...own });
    case 'SimVQ':
      return createSimVq({ ...recipe.config, ...own });
    case 'Residual': {
      const layers = recipe.config.layers.map((layer, j) => make(layer, nested(j)));
      return createResidual({ ...recipe.config, ...own, layers });
    }
    case 'Grouped': {
      const groups = recipe.config.groups.map((group, g) => make(group, nested(g)));
      return createGrouped({ ...recipe.config, ...own, groups });
    }
  }
}

export const lfq = (config: LfqOptions): Recipe => ({ kind: 'LFQ', config });
export const fsq = (config: FsqOptions): Recipe => ({ kind: 'FSQ', config });
export const simVq = (config: SimVqOptions): Recipe => ({ kind: 'SimVQ', config });
export const residual = (layers: readonly Recipe[], config: StackOptions = {}): Recipe => ({
  kind: 'Residual',
  config: { ...config, layers },
});
export const grouped = (groups: readonly Recipe[]): Recipe => ({ kind: 'Grouped', config: { groups } });

const leaf = (dim: number): fc.Arbitrary<Recipe> =>
  fc.oneof(
    fc
      .record({
        codebookScale: fc.constantFrom(0.25, 0.5, 1),
        spherical: fc.boolean(),
        orthogonalRotation: fc.boolean(),
      })
      .map((options) => lfq({ dim, ...options })),
    fc
      .record({ codebookSize: fc.constantFrom(4, 16), numCodebooks: fc.integer({ min: 1, max: 2 }) })
      .map((options) => lfq({ dim, ...options })),
    fc
      .record({
        levels: fc.array(fc.integer({ min: 3, max: 6 }), { minLength: dim, maxLength: dim }),
        boundHardClamp: fc.boolean(),
        orthogonalRotation: fc.boolean(),
        keepNumCodebooksDim: fc.boolean(),
      })
      .map(fsq),
    fc
      .record({ codebookSize: fc.integer({ min: 1, max: 9 }), rotationTrick: fc.boolean() })
      .map((options) => simVq({ dim, ...options })),
  );

/** Any nesting of `dim` features, `depth` compositions deep at most. */
export function anyRecipe(dim: number, depth: number): fc.Arbitrary<Recipe> {
  if (depth === 0) return leaf(dim);
  const inner = anyRecipe(dim, depth - 1);
  const stack = fc
    .record({
      layers: fc.array(inner, { minLength: 1, maxLength: 3 }),
      gradient: fc.constantFrom('identity', 'perLayer'),
      quantizeDropout: fc.boolean(),
    })
    .map(({ layers, ...config }) => residual(layers, config));
  if (dim === 1) return fc.oneof(inner, stack);
  const halves = fc.tuple(anyRecipe(dim >> 1, depth - 1), anyRecipe(dim - (dim >> 1), depth - 1)).map(grouped);
  return fc.oneof(stack, halves);
}
