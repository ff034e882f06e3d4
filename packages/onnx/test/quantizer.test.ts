import { memory } from '@tensorflow/tfjs-core';
import { type Quantizer, UnsupportedError } from '@vqkit/core-tensor';
import { exportQuantizer } from '@vqkit/onnx';
import { createFsq, quantizerEntry, quantizerNames } from '@vqkit/quantizers';
import { startEngine } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';

beforeAll(() => startEngine('cpu'));

describe('exportQuantizer', () => {
  it('takes every quantizer of the registry, and keeps no tensor', async () => {
    for (const name of quantizerNames()) {
      const { create, recipe } = quantizerEntry(name);
      const before = memory().numTensors;
      const quantizer = create(recipe(16));
      await expect(exportQuantizer(quantizer)).resolves.toBeDefined();
      quantizer.dispose();
      expect([name, memory().numTensors]).toEqual([name, before]);
    }
  });

  it('refuses a quantizer that it does not know, by its kind', async () => {
    const own: Quantizer = { ...createFsq({ levels: [3] }), kind: 'Own' };
    await expect(exportQuantizer(own)).rejects.toThrow(UnsupportedError);
    await expect(exportQuantizer(own)).rejects.toThrow(
      'exportQuantizer: the quantizer must be one that has a translation to ONNX, got "Own". Add it',
    );
  });

  it('refuses more levels than it compares with, and options that break their rule', async () => {
    const many = createFsq({ levels: [2000] });
    await expect(exportQuantizer(many)).rejects.toThrow('levels must be at most 1024 in a feature');
    const fsq = createFsq({ levels: [3] });
    await expect(exportQuantizer(fsq, { axes: 4 })).rejects.toThrow('axes must be an integer from 0 to 3, got 4');
    await expect(exportQuantizer(fsq, { axis: 1 } as object)).rejects.toThrow('axis');
  });
});
