import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { DataError, DtypeError, ShapeError } from '@vqkit/core-tensor';
import { eachEngine } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { assertTokens } from '../src/assert-tokens.ts';
import { createImageTokenizer } from '../src/image-tokenizer.ts';

const ids = (values: number[], shape: number[]): Tensor => tensor(values, shape, 'int32');

eachEngine(() => {
  describe('assertTokens', () => {
    it('refuses ids that no code has', async () => {
      const tokenizer = createImageTokenizer({ quantizer: 'fsq', quantizerOptions: { levels: [4, 4] }, widths: [4] });
      await assertTokens('test', ids([0, 15, -1, 3], [1, 2, 2]), tokenizer);
      for (const bad of [16, -2]) {
        const found = assertTokens('test', ids([0, bad], [1, 1, 2]), tokenizer);
        await expect(found).rejects.toThrow(DataError);
        await expect(found).rejects.toThrow(`test: indices must be in [0, 16) or -1 for padding, got ${bad}`);
      }
      await expect(assertTokens('test', ids([0], [1, 1]), tokenizer)).rejects.toThrow(ShapeError);
      await expect(assertTokens('test', tensor([0], [1, 1, 1]), tokenizer)).rejects.toThrow(DtypeError);
    });

    it('knows the layers of a stack', async () => {
      const options = { levels: [4, 4], numQuantizers: 2 };
      const tokenizer = createImageTokenizer({ quantizer: 'residual-fsq', quantizerOptions: options, widths: [4] });
      await assertTokens('test', ids([0, 15], [1, 1, 1, 2]), tokenizer);
      await expect(assertTokens('test', ids([0, 16], [1, 1, 1, 2]), tokenizer)).rejects.toThrow(
        'test: indices must be in [0, 16), got 16 in layer 1 in token 0.',
      );
    });
  });
});
