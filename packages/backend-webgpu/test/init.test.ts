import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { getBackend, ones, sum } from '@tensorflow/tfjs-core';
import { fsqQuantize, kernelReport, OptionError, UnsupportedError } from '@vqkit/core-tensor';
import { engineMissing, expectSame } from '@vqkit/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { explainImport, requestAdapter } from '../src/gpu.ts';
import { findAdapter, init } from '../src/index.ts';
import { requestDevice } from '../src/init.ts';

const missing = engineMissing('webgpu');

describe.skipIf(missing !== undefined)(missing === undefined ? 'init' : `init: skipped, ${missing}`, () => {
  it('starts the engine, says what it is, and can be called again', async () => {
    const report = await init();
    expect(report).toMatchObject({ engine: 'webgpu', version: '4.22.0' });
    expect(report.limits.maxComputeWorkgroupsPerDimension).toBeGreaterThanOrEqual(65_535);
    expect(report).toMatchObject(await findAdapter());
    expect(getBackend()).toBe('webgpu');
    expect(await init()).toEqual(report);
    await expectSame(sum(ones([5, 3]), 0), [5, 5, 5]);
  });

  it('starts one device for calls at the same time', async () => {
    const [first, second] = await Promise.all([init(), init()]);
    expect(first).toEqual(second);
  });

  it('runs every kernel of the quantizers fused', async () => {
    await init();
    expect(fsqQuantize.kernelName).toBe('FsqQuantize');
    const fused = kernelReport('webgpu').flatMap(({ name, runs }) => (runs === 'fused' ? [name] : []));
    expect(fused).toEqual(expect.arrayContaining(QUANTIZER_KERNELS));
  });

  it('keeps lower limits when it is told to, and forgets them with the next call', async () => {
    const limits = { maxStorageBufferBindingSize: 65_536, maxComputeWorkgroupsPerDimension: 3 };
    expect((await init({ limits })).limits).toEqual(limits);
    expect((await init()).limits.maxStorageBufferBindingSize).toBeGreaterThan(65_536);
  });

  it('names a missing driver, in a process without one', () => {
    const code = "import { init } from './dist/index.js'; await init().catch((e) => console.log(e.name, e.message));";
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      encoding: 'utf8',
      env: { ...process.env, VK_ICD_FILENAMES: 'none.json', VK_DRIVER_FILES: 'none.json' },
    });
    expect(stdout).toContain(
      'UnsupportedError init: WebGPU must find a graphics driver in this Node process, got none.',
    );
    expect(stdout).toContain('apt-get install libvulkan1 mesa-vulkan-drivers');
  });
});

const QUANTIZER_KERNELS = [
  'BitEntropy',
  'BitEntropyGrad',
  'CodeCounts',
  'FsqDecode',
  'FsqQuantize',
  'FsqQuantizeGrad',
  'GatherCodes',
  'NearestCode',
  'NearestCodeExact',
  'ReverseBits',
  'RotateToGrad',
  'SelectRows',
  'SignDecode',
  'SignQuantize',
  'UnitLength',
];

describe('init explains what it cannot do', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('with its options', async () => {
    await expect(init({ power: 1 } as object)).rejects.toThrow(OptionError);
    await expect(init({ powerPreference: 'high' as 'low-power' })).rejects.toThrow('init: powerPreference must be');
    await expect(init({ limits: { maxBufferSize: 1 } as object })).rejects.toThrow(OptionError);
    await expect(init({ limits: { maxStorageBufferBindingSize: 1 } })).rejects.toThrow(
      'init: limits.maxStorageBufferBindingSize must be an integer from 65536',
    );
    await expect(init({ limits: { maxComputeWorkgroupsPerDimension: 0 } })).rejects.toThrow('Use 1 or more.');
  });

  it('in a browser without WebGPU, and in one without an adapter', async () => {
    vi.stubGlobal('process', {});
    vi.stubGlobal('navigator', {});
    await expect(requestAdapter('low-power')).rejects.toThrow(UnsupportedError);
    await expect(requestAdapter('low-power')).rejects.toThrow(
      'init: this page must have WebGPU (navigator.gpu), got none.',
    );
    vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => null } });
    await expect(requestAdapter('low-power')).rejects.toThrow('init: this browser must have an adapter for its WebGPU');
  });

  it('with a driver that gives no device', async () => {
    const busy = {
      limits: {},
      features: new Set(),
      requestDevice: () => Promise.reject(new Error('out of resources')),
    };
    const adapter = busy as unknown as GPUAdapter;
    await expect(requestDevice(adapter)).rejects.toThrow(
      'init: the adapter must give a device, got out of resources. Close other programs that use the GPU and try again, or use @vqkit/backend-wasm.',
    );
  });

  it('without the package webgpu, and with one that does not load', () => {
    expect(explainImport(new Error("Cannot find package 'webgpu' imported from index.js")).message).toBe(
      'init: the package webgpu must be installed, for Node has no WebGPU of its own, got none. Run: npm install webgpu@0.6.2',
    );
    expect(explainImport(new Error("libm.so.6: version `GLIBC_2.34' not found\nat …")).message).toContain(
      "init: the package webgpu must load on this system, got libm.so.6: version `GLIBC_2.34' not found.",
    );
  });
});
