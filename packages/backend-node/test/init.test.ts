import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getBackend, ones, sum } from '@tensorflow/tfjs-core';
import { OptionError } from '@vqkit/core-tensor';
import { expectSame } from '@vqkit/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { init } from '../src/index.ts';
import { explain, packageObstacle } from '../src/native/start.ts';

/** No installation: these tests are about what happens without. */
const emptyCache = mkdtempSync(join(tmpdir(), 'vqkit-native-'));
process.env.VQKIT_NATIVE_CACHE = emptyCache;
afterAll(() => rmSync(emptyCache, { recursive: true }));

describe('init', () => {
  it('falls back to wasm and says why not native', async () => {
    const report = await init({ threads: 2 });
    expect(report).toMatchObject({ engine: 'wasm', tfjs: '4.22.0', threads: 2 });
    expect(report.notChosen).toEqual([
      {
        engine: 'native',
        reason: `@tensorflow/tfjs-node is installed without its native addon, and there is no installation of vqkit's in ${emptyCache}`,
        fix: 'Run: npx vqkit native install',
      },
    ]);
    expect(report.tensorflow).toBeUndefined();
    expect(report.kernels).toContainEqual({ name: 'FsqQuantize', runs: 'fused' });
    expect(getBackend()).toBe('wasm');
    await expectSame(sum(ones([3, 4]), 0), [3, 3, 3, 3]);
  });

  it('takes the engine that is preferred', async () => {
    const report = await init({ prefer: 'cpu' });
    expect(report).toMatchObject({ engine: 'cpu', threads: 1 });
    expect(report.notChosen.map(({ engine, reason }) => [engine, reason])).toEqual([
      ['native', "prefer is 'cpu'"],
      ['wasm', "prefer is 'cpu'"],
    ]);
    expect(getBackend()).toBe('cpu');
    expect(await init({ prefer: 'wasm' })).toMatchObject({ engine: 'wasm', threads: 2 });
    expect(getBackend()).toBe('wasm');
  });

  it('says in words why the wasm engine cannot do what is asked', async () => {
    const { engine, notChosen } = await init({ prefer: 'wasm', threads: 3 });
    expect(engine).toBe('cpu');
    expect(notChosen.at(-1)?.reason).toContain('threads must be 2, with which the wasm engine runs already, got 3');
  });

  it('explains bad options', async () => {
    await expect(init({ prefer: 'gpu' as 'cpu' })).rejects.toThrow(
      "init: prefer must be one of 'native', 'wasm', 'cpu', got \"gpu\". Pick one of 'native', 'wasm', 'cpu'.",
    );
    await expect(init({ threads: 0 })).rejects.toThrow('init: threads must be an integer from 1 to 64, got 0.');
    await expect(init({ thread: 2 } as object)).rejects.toThrow(OptionError);
  });
});

describe('@tensorflow/tfjs-node', () => {
  it('is asked for where it is missing or another one', () => {
    expect(packageObstacle(undefined)).toEqual({
      reason: 'the package @tensorflow/tfjs-node is not installed',
      fix: 'It is optional. For native TensorFlow: npm install --ignore-scripts @tensorflow/tfjs-node@4.22.0, then npx vqkit native install',
    });
    expect(packageObstacle('4.21.0')).toEqual({
      reason: '@tensorflow/tfjs-node 4.21.0 is installed, not 4.22.0',
      fix: 'Run: npm install --ignore-scripts @tensorflow/tfjs-node@4.22.0',
    });
  });

  it('that does not load says why: no library, another ABI, anything else', () => {
    expect(
      explain(new Error('libtensorflow.so.2: cannot open shared object file: No such file or directory\n  at …')),
    ).toEqual({
      reason:
        'the TensorFlow library of @tensorflow/tfjs-node does not load on this system (libtensorflow.so.2: cannot open shared object file: No such file or directory)',
      fix: 'Run: npx vqkit native install --force. It needs Linux with glibc (Debian or Ubuntu, not Alpine) or macOS.',
    });
    for (const message of [
      "The module 'tfjs_binding.node' was compiled against a different Node.js version using NODE_MODULE_VERSION 93.",
      'Module did not self-register: tfjs_binding.node',
      'tfjs_binding.node: wrong ELF class: ELFCLASS32',
    ]) {
      expect(explain(new Error(message))).toEqual({
        reason: `the native addon of @tensorflow/tfjs-node was built for another Node or processor (${message})`,
        fix: 'Run: npx vqkit native install, which builds one for this processor and every Node from 20 on',
      });
    }
    expect(explain('odd')).toEqual({
      reason: '@tensorflow/tfjs-node does not load (odd)',
      fix: `Try node -e "require('@tensorflow/tfjs-node')" to see the whole error.`,
    });
  });
});
