import { describe, expect, it } from 'vitest';
import { vqkitProcess } from './cli.ts';

describe('doctor', () => {
  const ENGINES = ['native', 'wasm', 'cpu', 'webgpu'];

  it('says what runs, why nothing faster does, and how the kernels run', async () => {
    const { code, stdout, stderr } = await vqkitProcess(['doctor']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^vqkit \d+\.\d+\.\d+.*, Node \d+\.\d+\.\d+, .+, \d+ cores, TensorFlow\.js 4\.22\.0/);
    expect(stdout).toMatch(/^Engine: (native|wasm|cpu), \d+ threads?$/m);
    if (stdout.includes('\nEngine: native'))
      expect(stdout).toMatch(/^ {2}to train --arch resnet: wasm, \d+ threads?, which/m);
    for (const engine of ENGINES) {
      expect(stdout).toMatch(
        new RegExp(
          `^  ${engine} +(runs: TensorFlow(\\.js)? \\d+\\.\\d+\\.\\d+, .+|does not run: .+\\.\n {10}\\S.+)$`,
          'm',
        ),
      );
    }
    const [, columns = ''] = /^Kernels, .*:\n(.*)$/m.exec(stdout) ?? [];
    const running = columns.trim().split(/ +/);
    expect(running).toEqual(expect.arrayContaining(['wasm', 'cpu']));
    expect(stdout).toMatch(new RegExp(`^  FsqQuantize +((fused|composed) *){${running.length}}$`, 'm'));
  });

  it('gives the same as JSON', async () => {
    const { code, stdout } = await vqkitProcess(['doctor', '--json']);
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as { engines: { engine: string; runs: boolean; kernels: unknown[] }[] };
    expect(report).toMatchObject({ node: process.versions.node, tfjs: '4.22.0' });
    expect(Object.keys(report)).toEqual(expect.arrayContaining(['engine', 'threads', 'notChosen', 'kernels', 'cores']));
    expect(report.engines.map(({ engine }) => engine)).toEqual(ENGINES);
    for (const facts of report.engines) {
      expect(Object.keys(facts)).toEqual(
        expect.arrayContaining(facts.runs ? ['version', 'kernels'] : ['reason', 'fix']),
      );
    }
    expect(report.engines[1]?.kernels).toContainEqual({ name: 'FsqQuantize', runs: 'fused' });
  });

  it('names the driver that WebGPU lacks, and how to get one', async () => {
    const { code, stdout } = await vqkitProcess(['doctor'], {
      env: { VK_ICD_FILENAMES: 'none.json', VK_DRIVER_FILES: 'none.json' },
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^ {2}webgpu +does not run: WebGPU must find a graphics driver in this Node process, got none\.\n {10}On Linux install the Vulkan loader/m,
    );
  });
});
