import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineMissing, fullRun, titleIf } from '@vqkit/testing';
import { readTokens } from '@vqkit/tokens';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, vqkitProcess, writeTinyData } from './cli.ts';

let root: string;
const call = (line: string, env?: NodeJS.ProcessEnv): Promise<Ended> =>
  vqkitProcess(line.split(' '), { cwd: root, ...(env === undefined ? {} : { env }) });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'vqkit-webgpu-'));
  await writeTinyData(join(root, 'data'));
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

const missing = engineMissing('webgpu');

describe.skipIf(missing !== undefined)(`--engine webgpu${missing === undefined ? '' : `: skipped, ${missing}`}`, () => {
  it('trains, resumes, encodes to the ids of wasm, and decodes', async () => {
    const options = '--batch-size 8 --widths 4,8 --quantizer fsq --levels 5,5 --learning-rate 0.01';
    const trained = await call(`train --data-path data ${options} --steps 30 --engine webgpu --out-dir run`);
    expect([trained.code, trained.stderr]).toEqual([0, expect.stringContaining('test images, engine webgpu\n')]);
    const metrics = (await readFile(join(root, 'run/metrics.jsonl'), 'utf8')).trim().split('\n');
    const losses = metrics.map((line) => (JSON.parse(line) as { loss?: number }).loss ?? Number.NaN);
    const measured = losses.filter(Number.isFinite);
    expect(measured.at(-1)).toBeLessThan(0.8 * (measured[0] as number));
    const resumed = await call('train --resume run --steps 32');
    expect([resumed.code, resumed.stderr]).toEqual([0, expect.stringContaining('engine webgpu')]);

    const ids = await Promise.all(
      ['webgpu', 'wasm'].map(async (engine) => {
        const { code } = await call(`encode run data --engine ${engine} --out ${engine}.safetensors`);
        expect(code).toBe(0);
        return (await readTokens(join(root, `${engine}.safetensors`))).ids;
      }),
    );
    expect(ids[0]).toEqual(ids[1]);
    expect(new Set(ids[0]).size).toBeGreaterThan(3);
    const decoded = await call('decode run webgpu.safetensors --engine webgpu --limit 3 --out pictures');
    expect([decoded.code, decoded.stdout]).toEqual([0, '3 pictures\npictures\n']);
  });
});

describe.skipIf(!fullRun)(titleIf(fullRun, '--engine webgpu without a driver'), () => {
  it('is refused by train, encode and decode with the fix that doctor prints', async () => {
    const trained = await call('train --data-path data --steps 1 --widths 4,8 --engine cpu --out-dir cpu');
    const encoded = await call('encode cpu data --engine cpu --out ids.npy');
    expect([trained.code, encoded.code]).toEqual([0, 0]);
    const none = { VK_ICD_FILENAMES: 'none.json', VK_DRIVER_FILES: 'none.json' };
    const doctor = await call('doctor --json', none);
    const { engines } = JSON.parse(doctor.stdout) as { engines: { engine: string; reason: string; fix: string }[] };
    const { reason, fix } = engines.find(({ engine }) => engine === 'webgpu') ?? { reason: '', fix: '' };
    for (const line of ['train --data-path data --out-dir no', 'encode cpu data', 'decode cpu ids.npy']) {
      const { code, stderr } = await call(`${line} --engine webgpu`, none);
      expect(code).toBe(1);
      expect(stderr).toContain(`error: startEngine: --engine 'webgpu' must run here, got ${reason}. ${fix}`);
    }
  });
});
