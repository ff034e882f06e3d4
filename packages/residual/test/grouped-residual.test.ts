import { reshape, tensor } from '@tensorflow/tfjs-core';
import { createRng, OptionError } from '@vqkit/core-tensor';
import { describeQuantizer, eachEngine, expectIdentical, expectSame, spreadIt } from '@vqkit/testing';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createGroupedResidualFsq,
  createGroupedResidualLfq,
  createGroupedResidualSimVq,
  createResidualFsq,
  type GroupedResidualLfqOptions,
} from '../src/index.ts';

const gradient = fc.constantFrom('identity' as const, 'perLayer' as const);
const numQuantizers = fc.integer({ min: 1, max: 4 });

describeQuantizer<GroupedResidualLfqOptions>('Grouped residual LFQ', {
  create: createGroupedResidualLfq,
  variants: { projected: { dim: 6, groups: 2, codebookSize: 4, numQuantizers: 2, commitmentLossWeight: 0.5 } },
  random: fc
    .record({
      groups: fc.integer({ min: 1, max: 3 }),
      width: fc.integer({ min: 1, max: 3 }),
      codebookSize: fc.constantFrom(2, 8),
      numQuantizers,
      gradient,
    })
    .map(({ width, ...options }) => ({ ...options, dim: width * options.groups })),
});

eachEngine((engine) => {
  const it = spreadIt(engine);
  describe('grouped residual stacks', () => {
    it('are stacks of their own on their share of the features', async () => {
      const grouped = createGroupedResidualFsq({ dim: 6, groups: 3, levels: [5, 4], numQuantizers: 2 });
      const single = createResidualFsq({ levels: [5, 4], numQuantizers: 2 });
      const z = tensor(createRng(4).normalArray(60, 1), [10, 6]);
      const [ids, alone] = await Promise.all([grouped.encode(z).data(), single.encode(reshape(z, [30, 2])).data()]);
      expect(Array.from(ids)).toEqual(Array.from(alone));
      await expectSame(
        grouped.decode(grouped.encode(z), { layers: 1 }),
        await single.decode(single.encode(reshape(z, [30, 2])), { layers: 1 }).data(),
      );
      grouped.dispose();
      single.dispose();
    });

    it('drop the same layers in all groups', async () => {
      const grouped = createGroupedResidualSimVq({
        dim: 6,
        groups: 3,
        codebookSize: 8,
        numQuantizers: 4,
        quantizeDropout: true,
      });
      const z = tensor(createRng(4).normalArray(60, 1), [10, 6]);
      const depths = new Set<number>();
      for (let i = 0; i < 20; i++) {
        const { indices, quantized } = grouped.quantize(z, { training: true });
        const data = await indices.data();
        const present = Array.from({ length: 12 }, (_, c) => data[c] !== -1);
        const kept = present.slice(0, 4).filter(Boolean).length;
        depths.add(kept);
        for (let g = 0; g < 3; g++) expect(present.slice(4 * g, 4 * g + 4)).toEqual([0, 1, 2, 3].map((j) => j < kept));
        await expectIdentical(grouped.decode(indices), quantized);
      }
      expect(depths.size).toBeGreaterThan(2);
      const { losses } = grouped.quantize(z, { training: true, layers: 2 });
      expect(Object.keys(losses)).toContain('group2.layer1.commitment');
      grouped.dispose();
    });
  });
});

describe('bad input of createGroupedResidual…', () => {
  const fails = (call: () => unknown, text: RegExp): void => {
    expect(call).toThrow(OptionError);
    expect(call).toThrow(text);
  };

  it('names the option, the rule, the value and the fix', () => {
    const create = (options: unknown) => () => createGroupedResidualLfq(options as GroupedResidualLfqOptions);
    fails(
      create({ dim: 7, groups: 2, codebookSize: 4, numQuantizers: 2 }),
      /^createGroupedResidualLfq: dim must be a multiple of groups \(2\), got 7\. Use 8\.$/,
    );
    fails(create({ dim: 8, groups: 0, codebookSize: 4, numQuantizers: 2 }), /groups must be an integer >= 1, got 0/);
    fails(create({ groups: 2, codebookSize: 4, numQuantizers: 2 }), /dim must be an integer >= 1, got undefined/);
    fails(create(undefined), /options must be an object, got undefined/);
    fails(create({ dim: 8, groups: 2, codebookSize: 4, numQuantizers: 2, seed: -1 }), /seed must be an integer from 0/);
  });
});
