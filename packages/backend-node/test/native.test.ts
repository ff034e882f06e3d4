import { spawnSync } from 'node:child_process';
import { existsSync, linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getBackend, matMul, tensor2d } from '@tensorflow/tfjs-core';
import { expectSame } from '@vqkit/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { findNative, init, startNative } from '../src/index.ts';
import { installNative, nativeStatus, removeNative } from '../src/install.ts';
import { BINDING, cacheFolder, installFolder, MANIFEST, readManifest } from '../src/native/cache.ts';
import { copyingCompiler, temporaryFolder, write } from './fakes.ts';

const real = installFolder();
const present = readManifest(real) !== undefined;
const why = present ? '' : ' (skipped: vqkit native install has not run here)';

// Beside the real cache, so that libraries of a gigabyte are linked and not copied.
const beside = present ? mkdtempSync(join(dirname(cacheFolder()), 'native-test-')) : temporaryFolder();
afterAll(() => rmSync(beside, { recursive: true, force: true }));
const cache = join(beside, 'cache');
const folder = installFolder(cache);

/** The real library with headers that the copying compiler does not need. */
function realLibrary(): string {
  const library = join(beside, 'library');
  write(join(library, 'include/tensorflow/c/c_api.h'), '');
  for (const path of Object.keys(readManifest(real)?.files ?? {})) {
    if (path !== BINDING && !existsSync(join(library, path))) {
      write(join(library, 'lib', '.keep'), '');
      linkSync(join(real, path), join(library, path));
    }
  }
  return library;
}

/** Puts other bytes in the place of a file, which may be the real one under a second name. */
function change(path: string, content: Uint8Array): void {
  rmSync(path);
  writeFileSync(path, content);
}

describe.skipIf(!present)(`an installation${why}`, () => {
  const options = { cache, compiler: copyingCompiler(join(beside, 'copy'), join(real, BINDING)) };

  it('is made once, and again on demand', async () => {
    const from = realLibrary();
    const { changed, manifest } = await installNative({ ...options, from });
    expect(changed).toBe(true);
    expect(manifest).toMatchObject({ method: 'path', source: from, tensorflow: readManifest(real)?.tensorflow });
    expect(await installNative({ ...options, from })).toEqual({ changed: false, folder, manifest, failed: [] });
    expect((await installNative({ ...options, from, force: true })).changed).toBe(true);
    expect(await nativeStatus(cache)).toMatchObject({ folder, damaged: [] });
    expect((await nativeStatus(cache)).fails).toBeUndefined();
    expect(findNative(cache)).toMatchObject({ folder, binding: join(folder, BINDING) });
  });

  it.each([{}, { TF_CPP_MIN_LOG_LEVEL: '1' }])('starts without a line of TensorFlow, also in a child: %j', (given) => {
    const { TF_CPP_MIN_LOG_LEVEL: _, ...others } = process.env;
    const program = "import('@vqkit/backend-node').then(({ startNative }) => startNative())";
    const { status, stderr } = spawnSync(process.execPath, ['-e', program], {
      cwd: fileURLToPath(new URL('../../vqkit', import.meta.url)),
      encoding: 'utf8',
      env: { ...others, ...given },
    });
    expect([status, stderr]).toEqual([0, '']);
  });

  it('is known to be damaged, and repaired', async () => {
    await installNative({ ...options, from: realLibrary() });
    const binding = join(folder, BINDING);
    const whole = readFileSync(binding);
    const flipped = Uint8Array.from(whole, (byte, i) => (i === whole.length - 1 ? byte ^ 1 : byte));
    change(binding, flipped);
    expect((await nativeStatus(cache)).damaged).toEqual([BINDING]);
    change(binding, whole.subarray(0, 100));
    expect(findNative(cache)).toEqual({
      reason: `the file ${BINDING} of the installation in ${folder} is missing or damaged`,
      fix: 'Run: npx vqkit native install',
    });
    expect((await installNative({ ...options, from: realLibrary() })).changed).toBe(true);
    expect((await nativeStatus(cache)).damaged).toEqual([]);
    writeFileSync(join(folder, MANIFEST), '{ "format": 1');
    expect(findNative(cache)).toMatchObject({ fix: 'Run: npx vqkit native install' });
    await installNative({ ...options, from: realLibrary() });
  });

  it('that this machine cannot run is an obstacle, and the next engine runs', async () => {
    const manifest = readManifest(folder);
    const text = 'no binding';
    change(join(folder, BINDING), Buffer.from(text));
    rmSync(join(folder, 'tested.json'), { force: true });
    const files = { ...manifest?.files, [BINDING]: { bytes: text.length, sha256: '' } };
    writeFileSync(join(folder, MANIFEST), JSON.stringify({ ...manifest, files }));
    process.env.VQKIT_NATIVE_CACHE = cache;
    const { engine, notChosen } = await init({ threads: 2 });
    expect(engine).toBe('wasm');
    expect(notChosen[0]?.reason).toMatch(
      /the installation in .* does not pass its test here: .*(invalid ELF|too short)/,
    );
    expect(notChosen[0]?.fix).toBe('Run: npx vqkit native install --force');
    delete process.env.VQKIT_NATIVE_CACHE;
  });

  it('is removed', async () => {
    expect(await removeNative(cache)).toBe(true);
    expect(existsSync(folder)).toBe(false);
    expect(await removeNative(cache)).toBe(false);
  });

  it('runs with the threads that are asked for first', async () => {
    const report = await init({ threads: 1 });
    expect(report).toMatchObject({ engine: 'native', threads: 1, notChosen: [] });
    expect(report.tensorflow).toBe(readManifest(real)?.tensorflow);
    expect(report.kernels).toContainEqual({ name: 'FsqQuantize', runs: 'fused' });
    expect(getBackend()).toBe('tensorflow');
    await expectSame(matMul(tensor2d([[1, 2]]), tensor2d([[3], [4]])), [11]);
    expect(await startNative(1)).toEqual({ tensorflow: report.tensorflow, threads: 1 });
    expect(await startNative(2)).toMatchObject({ reason: 'native TensorFlow already runs with threads = 1, got 2' });
  });
});
