import { memory, zeros } from '@tensorflow/tfjs-core';
import { UnsupportedError } from '@vqkit/core-tensor';
import { engineMissing, startEngine } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createVq } from '../src/index.ts';

/** Ids whose codes no array of JavaScript and no buffer of a graphics processor holds, though both are small themselves. */
const [DIM, TOKENS] = [2 ** 18, 2 ** 22];

describe('ids whose codes would be larger than a tensor', () => {
  for (const engine of ['cpu', 'webgpu'] as const) {
    it.skipIf(engineMissing(engine) !== undefined)(
      `are refused by name on ${engine}, before anything is made`,
      async () => {
        await startEngine(engine);
        const vq = createVq({ dim: DIM, codebookSize: 2 });
        const ids = zeros([1, TOKENS], 'int32');
        const before = memory().numTensors;
        let error: unknown;
        try {
          vq.decode(ids);
        } catch (thrown) {
          error = thrown;
        }
        expect(error).toBeInstanceOf(UnsupportedError);
        expect((error as Error).message).toMatch(
          /^createVq\(\)\.decode: the codes must (fit into an array|have at most \d+ bytes) on the engine '\w+', got shape \[1,4194304,262144\] of 4398046511104 bytes\. Use smaller batches\.$/,
        );
        expect(memory().numTensors).toBe(before);
        vq.dispose();
        ids.dispose();
      },
    );
  }
});
