import { join } from 'node:path';
import { memory } from '@tensorflow/tfjs-core';
import { eachEngine } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { train } from '../src/index.ts';
import { temporaryFolder, tinyConfig, tinyIdxFolder } from './fixtures.ts';

eachEngine(() => {
  describe('train', () => {
    it('smoke', async () => {
      const data = await tinyIdxFolder();
      const out = join(await temporaryFolder(), 'run');
      const t0 = performance.now();
      const r = await train(tinyConfig(data, out, { quantizer: 'simvq', quantizerOptions: {} }), {
        onRecord: (x) => console.log(JSON.stringify(x)),
        onWarning: console.warn,
      });
      console.log(performance.now() - t0, JSON.stringify(r, null, 1), memory().numTensors);
      expect(r.status).toBe('finished');
    });
  });
});
