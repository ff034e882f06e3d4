import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Ended, vqkit, vqkitProcess } from './cli.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqkit-native-'));
  vi.stubEnv('VQKIT_NATIVE_CACHE', join(folder, 'cache'));
});

afterAll(() => {
  vi.unstubAllEnvs();
  return rm(folder, { recursive: true });
});

const native = (...args: string[]): Promise<Ended> => vqkit(['native', ...args]);

describe('native', () => {
  it('describes itself and its commands', async () => {
    const { code, stdout } = await native('--help');
    expect(code).toBe(0);
    for (const part of ['install', 'status', 'remove', 'npm install --ignore-scripts @tensorflow/tfjs-node@4.22.0']) {
      expect(stdout).toContain(part);
    }
    for (const option of ['--from', '--method', '--cache', '--force', '--python', '--compiler']) {
      expect((await native('install', '--help')).stdout).toContain(option);
    }
  });

  it('says that nothing is installed, with code 1, and removes nothing', async () => {
    const { code, stdout } = await native('status');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Nothing is installed in .*\.\nRun: vqkit native install\n$/);
    const json = await native('status', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ damaged: [] });
    expect(await native('remove')).toEqual({ code: 0, stdout: 'Nothing was installed.\n', stderr: '' });
  });

  it('explains in one line what it cannot install', async () => {
    const from = join(folder, 'bad.whl');
    await writeFile(from, 'no wheel');
    const { code, stdout, stderr } = await native('install', '--from', from);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^unpacking bad\.whl\nerror: installNative: the archive .* must be whole, got .*\. Download it again\.\n$/,
    );
    expect(existsSync(join(folder, 'cache', 'lock'))).toBe(false);
  });

  it('refuses bad usage with code 2', async () => {
    expect(await native('install', '--method', 'apt')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/'apt' is invalid\. Allowed choices are official, path, pip\./),
    });
  });

  it('leaves the other engines to doctor, which says what to do', async () => {
    const { code, stdout } = await vqkitProcess(['doctor']);
    expect(code).toBe(0);
    expect(stdout).toContain('Engine: wasm');
    expect(stdout).toMatch(
      /not native: .*\n {4}(Run: npx vqkit native install|It is optional\. For native TensorFlow: npm install)/,
    );
  });
});
