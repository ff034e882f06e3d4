import {
  concat,
  engine,
  mul,
  randomNormal,
  type Scalar,
  slice,
  sum,
  type Tensor,
  tensor,
  zeros,
} from '@tensorflow/tfjs-core';
import { createRng, DataError, DtypeError, OptionError, type Quantizer, ShapeError } from '@vqkit/core-tensor';
import { createFsq } from '@vqkit/fsq';
import { createLfq } from '@vqkit/lfq';
import { createSimVq } from '@vqkit/simvq';
import { eachEngine, expectIdentical, expectSame, spreadIt } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { assertLayerIndices, createGrouped, createResidual, type GroupedOptions } from '../src/index.ts';

const stack = (quantizeDropout = false): Quantizer =>
  createResidual({ layers: [createLfq({ dim: 2 }), createLfq({ dim: 2, codebookScale: 0.5 })], quantizeDropout });

eachEngine((engineName) => {
  const it = spreadIt(engineName);
  describe('createGrouped', () => {
    it('quantizes every share of the features by its own quantizer', async () => {
      const groups = [createSimVq({ dim: 3, codebookSize: 7 }), createFsq({ levels: [5, 4] }), createLfq({ dim: 1 })];
      const grouped = createGrouped({ groups });
      const z = tensor(createRng(1).normalArray(60, 1), [2, 5, 6]);
      const { quantized, indices } = grouped.quantize(z);
      const parts = [
        slice(z, [0, 0, 0], [-1, -1, 3]),
        slice(z, [0, 0, 3], [-1, -1, 2]),
        slice(z, [0, 0, 5], [-1, -1, 1]),
      ];
      const own = parts.map((part, g) => (groups[g] as Quantizer).quantize(part));
      await expectIdentical(
        quantized,
        concat(
          own.map((result) => result.quantized),
          2,
        ),
      );
      expect(indices.shape).toEqual([2, 5, 3]);
      for (const [g, result] of own.entries()) await expectSame(slice(indices, [0, 0, g], [-1, -1, 1]), result.indices);

      const weights = randomNormal(z.shape, 0, 1, 'float32', 1);
      const gradientOf = (f: () => Tensor): Tensor =>
        engine().gradients(() => sum(mul(f(), weights)) as Scalar, [z]).grads[0] as Tensor;
      const separate = gradientOf(() => {
        const split = [
          slice(z, [0, 0, 0], [-1, -1, 3]),
          slice(z, [0, 0, 3], [-1, -1, 2]),
          slice(z, [0, 0, 5], [-1, -1, 1]),
        ];
        return concat(
          split.map((part, g) => (groups[g] as Quantizer).quantize(part).quantized),
          2,
        );
      });
      await expectSame(
        gradientOf(() => grouped.quantize(z).quantized),
        separate,
      );
      grouped.dispose();
    });

    it('gives NaN for a token that is none in one of its groups, and stops at a layer only where all groups can', async () => {
      const grouped = createGrouped({ groups: [stack(true), stack()] });
      const ids = [1, 2, 3, 0, 1, -1, 3, 0, -1, -1, 3, 0, -1, -1, -1, -1, 1, 2, 3, -1, 1, 2, 4, 0];
      const decoded = await grouped.decode(tensor(ids, [6, 4], 'int32')).data();
      const isNone = Array.from({ length: 6 }, (_, n) => decoded.subarray(4 * n, 4 * n + 4).every(Number.isNaN));
      expect(isNone).toEqual([false, false, true, false, true, true]);
      expect(Array.from(decoded.subarray(12, 16))).toEqual([0, 0, 0, 0]);
      expect(decoded.filter(Number.isNaN).length).toBe(12);
      const z = tensor(createRng(1).normalArray(20, 1), [5, 4]);
      await expectIdentical(
        grouped.decode(grouped.encode(z), { layers: 1 }),
        grouped.quantize(z, { layers: 1 }).quantized,
      );
      expect(() => grouped.decode(grouped.encode(z), { layers: 3 })).toThrow(
        /createGrouped\(\)\.decode: layers must be an integer from 1 to 2, got 3/,
      );
      expect(() => grouped.quantize(z, { layers: 3 })).toThrow(
        /createGrouped\(\)\.quantize: layers must be an integer from 1 to 2, got 3/,
      );
      const mixed = createGrouped({ groups: [stack(), createLfq({ dim: 2 })] });
      expect(() => mixed.decode(mixed.encode(z), { layers: 1 })).toThrow(
        /createGrouped\(\)\.decode: options must have no 'layers'/,
      );
      expect(() => mixed.quantize(z, { layers: 1 })).toThrow(
        /createGrouped\(\)\.quantize: options must have no 'layers'/,
      );
      expect(() => mixed.decode(zeros([5, 2], 'int32'))).toThrow(ShapeError);
      grouped.dispose();
      mixed.dispose();
    });
  });

  describe('assertLayerIndices', () => {
    const check = (quantizer: Quantizer, ids: number[]): Promise<void> =>
      assertLayerIndices(
        'decodeFile',
        tensor(ids, [ids.length / quantizer.numCodebooks, quantizer.numCodebooks], 'int32'),
        quantizer,
      );

    it('takes what decode takes and names what decode makes NaN of', async () => {
      const nested = createResidual({
        layers: [
          createGrouped({ groups: [stack(true), createLfq({ dim: 1 })] }),
          createLfq({ dim: 3, codebookSize: 8 }),
        ],
        quantizeDropout: true,
      });
      const dropping = stack(true);
      const plain = stack();
      for (const ids of [
        [1, 2, 0, 7],
        [1, -1, 0, 7],
        [1, 2, 0, -1],
        [-1, -1, -1, -1],
      ])
        await check(nested, ids);
      await check(nested, [1, 2, 0, 7, -1, -1, -1, -1]);
      const fails = async (quantizer: Quantizer, ids: number[], text: RegExp): Promise<void> => {
        await expect(check(quantizer, ids)).rejects.toThrow(DataError);
        await expect(check(quantizer, ids)).rejects.toThrow(text);
        const decoded = await quantizer
          .decode(tensor(ids, [ids.length / quantizer.numCodebooks, quantizer.numCodebooks], 'int32'))
          .data();
        expect(decoded.some(Number.isNaN)).toBe(true);
      };
      await fails(
        plain,
        [0, 0, 1, -1],
        /^decodeFile: indices must have no dropped layers, got -1 in layer 1 in token 1\. Create the quantizer with quantizeDropout: true, or pass \{ layers: 1 \} to decode\.$/,
      );
      await fails(
        dropping,
        [-1, 3],
        /indices must have no layer after a dropped one, got an index after -1 in layer 1 in token 0\. Only the last/,
      );
      await fails(
        plain,
        [0, 4],
        /indices must be in \[0, 4\), got 4 in layer 1 in token 0\. Decode with the quantizer/,
      );
      await fails(nested, [1, 2, 0, 7, 4, 2, 0, 7], /got 4 in layer 0, group 0, layer 0 in token 1/);
      await fails(nested, [1, 2, -1, 7], /indices must have all groups or none, got -1 in layer 0, group 1 in token 0/);
      await fails(nested, [-1, -1, -1, 7], /got an index after -1 in layer 1 in token 0/);
      for (const each of [nested, dropping, plain]) each.dispose();
    });

    it('refuses other quantizers and other indices', async () => {
      const lfq = createLfq({ dim: 2 });
      const plain = stack();
      await expect(assertLayerIndices('f', zeros([2], 'int32'), lfq)).rejects.toThrow(OptionError);
      await expect(assertLayerIndices('f', zeros([2], 'int32'), lfq)).rejects.toThrow(
        /f: quantizer must be a residual or grouped one, got "LFQ"/,
      );
      await expect(assertLayerIndices('f', zeros([2, 2]), plain)).rejects.toThrow(DtypeError);
      await expect(assertLayerIndices('f', zeros([2, 3], 'int32'), plain)).rejects.toThrow(ShapeError);
      lfq.dispose();
      plain.dispose();
    });
  });
});

describe('bad input of createGrouped', () => {
  it('names the option, the rule, the value and the fix', () => {
    const fails = (options: unknown, text: RegExp): void => {
      expect(() => createGrouped(options as GroupedOptions)).toThrow(OptionError);
      expect(() => createGrouped(options as GroupedOptions)).toThrow(text);
    };
    const groups = [createLfq({ dim: 2 })];
    fails({ groups: [] }, /^createGrouped: groups must be a list of at least one quantizer, got \[\]/);
    fails({ groups: [createLfq] }, /groups\[0\] must be a quantizer, got a function/);
    fails({ groups, dataFormat: 'last' }, /dataFormat must be one of/);
    fails({ groups, seed: 0.5 }, /seed must be an integer/);
    fails({ groups, layers: 2 }, /options must have no 'layers'/);
  });
});
