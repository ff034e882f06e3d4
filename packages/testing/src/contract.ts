import type { DataFormat, Quantizer } from '@vqkit/core-tensor';
import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { eachEngine, repetitions } from './engines.ts';
import { describeBadInput } from './laws/bad-input.ts';
import { describeGradients } from './laws/gradients.ts';
import { describeMasks } from './laws/masks.ts';
import { describeMemory } from './laws/memory.ts';
import { describeState } from './laws/state.ts';
import { expectInRange, LAYOUTS, latents, type Make, scoped } from './laws/subject.ts';
import { describeLayouts, describeValues } from './laws/values.ts';
import { describeIf, isChosen, leakSteps, seedOf, spreadRuns } from './short-run.ts';
import { expectIdentical } from './values.ts';

/** What the suite must know of a quantizer beside its contract. */
export interface QuantizerSubject<Options extends object> {
  /** The constructor, such as `createFsq`. The suite adds `dataFormat` and `seed` to the options. */
  readonly create: (options: Options & { dataFormat?: DataFormat; seed?: number }) => Quantizer;
  /**
   * Named options of small quantizers (a feature axis of at most ~12, few codes); every law runs on each of them. The first one
   * also makes the most steps of the memory law (`leakSteps`): give it variables if the method has any.
   */
  readonly variants: Readonly<Record<string, Options>>;
  /** Random valid options of small quantizers, for the law that holds for every option. */
  readonly random: fc.Arbitrary<Options>;
  /** Variants whose training draws random numbers, so that training and inference differ. */
  readonly noisy?: readonly string[];
  /** Variants whose gradient from `quantized` to z is the identity. */
  readonly straightThrough?: readonly string[];
  /** Variants for which quantizing `quantized` again gives the same indices and values. */
  readonly fixedPoint?: readonly string[];
}

/**
 * The one suite that every quantizer passes, on every engine: layouts, `decode(encode(z)) = quantized` bit for bit, masks, empty
 * and bad input, seeds, state, gradients, memory, disposal.
 *
 * @example
 * describeQuantizer('FSQ', {
 *   create: createFsq,
 *   variants: { projected: { levels: [5, 4, 3], dim: 7 }, plain: { levels: [5, 4, 3] } },
 *   random: fc.record({ levels: fc.array(fc.integer({ min: 3, max: 9 }), { minLength: 1, maxLength: 4 }) }),
 * });
 */
export function describeQuantizer<Options extends object>(name: string, subject: QuantizerSubject<Options>): void {
  const { create, variants, random, noisy = [], straightThrough = [], fixedPoint = [] } = subject;
  const first = Object.keys(variants)[0];
  eachEngine((engine) => {
    describe(`${name} fulfils the quantizer contract`, () => {
      for (const [place, [variant, options]] of Object.entries(variants).entries()) {
        const make: Make = (extra = {}) => create({ ...options, ...extra });
        const is = {
          noisy: noisy.includes(variant),
          straightThrough: straightThrough.includes(variant),
          fixedPoint: fixedPoint.includes(variant),
        };
        const steps = leakSteps(engine, variant === first ? 1000 : 50);
        const laws: Record<string, () => void> = {
          layouts: () => describeLayouts(make),
          values: () => describeValues(make, is),
          masks: () => describeMasks(make, is),
          'bad input': () => describeBadInput(make),
          state: () => describeState(make, (config) => create(config as Options)),
          gradients: () => describeGradients(make, is),
          memory: () => describeMemory(make, steps),
        };
        describe(variant, () => {
          // The length of the name: so that not all quantizers leave out the same.
          for (const [law, [title, part]] of Object.entries(laws).entries())
            describeIf(isChosen(engine, place, law, name.length), title, part);
        });
      }

      it('decodes what it encodes, bit for bit, for random options, ranks and layouts', () =>
        fc.assert(
          fc.asyncProperty(
            random,
            fc.constantFrom(...LAYOUTS),
            fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
            fc.integer({ min: 0, max: 2 ** 32 - 1 }),
            (options, dataFormat, tokenShape, seed) =>
              scoped(async () => {
                const q = create({ ...options, dataFormat, seed });
                const z = latents(q, tokenShape, dataFormat, seed);
                const { quantized, indices } = q.quantize(z);
                await expectIdentical(q.encode(z), indices);
                await expectIdentical(q.decode(indices), quantized);
                await expectInRange(indices, q.codebookSize);
                q.dispose();
              }),
          ),
          { numRuns: repetitions(engine, spreadRuns(50)), seed: seedOf(engine, 1) },
        ));
    });
  });
}
