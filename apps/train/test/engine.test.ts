import { describe, expect, it } from 'vitest';
import { createConfig } from '../src/config.ts';
import { startEngine } from '../src/engine.ts';
import { modalityOf } from '../src/modalities.ts';

/** What a run of this configuration tells {@link startEngine}. */
const fastestOf = (config: ReturnType<typeof createConfig>): 'wasm' | undefined =>
  modalityOf(config.data).options.archs[config.arch].fastest;

describe("engine 'auto'", () => {
  it('tries wasm before native for residual blocks, which it trains faster', async () => {
    const config = createConfig({ arch: 'resnet', threads: 1 });
    expect(await startEngine(config, fastestOf(config))).toEqual({ engine: 'wasm', threads: 1 });
    expect(fastestOf(createConfig({ preset: 'recipe' }))).toBeUndefined();
  });

  it('leaves an engine that was asked for by name', async () => {
    const config = createConfig({ arch: 'resnet', engine: 'cpu' });
    expect(await startEngine(config, fastestOf(config))).toEqual({ engine: 'cpu', threads: undefined });
  });
});
