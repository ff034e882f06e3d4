import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine } from '@vqkit/testing';
import { createImageTokenizer, createVectorTokenizer, saveTokenizer } from '@vqkit/tokenizer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vqkit, vqkitHere } from './cli.ts';

let folder = '';
const images = (): string => join(folder, 'images.safetensors');
const vectors = (): string => join(folder, 'vectors.safetensors');
beforeAll(async () => {
  await startEngine('cpu');
  folder = await mkdtemp(join(tmpdir(), 'vqkit-onnx-'));
  await writeFile(images(), await saveTokenizer(createImageTokenizer({ quantizer: 'fsq', widths: [2, 4] })));
  await writeFile(vectors(), await saveTokenizer(createVectorTokenizer({ quantizer: 'vq', features: 8 })));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const FILES = ['decoder.onnx', 'dequantize.onnx', 'encoder.onnx', 'quantize.onnx'];

describe('vqkit export --format onnx', () => {
  it('writes four graphs of a tokenizer of images, which inspect lists', async () => {
    const out = join(folder, 'graphs/images');
    const { code, stdout, stderr } = await vqkit(['export', images(), '--out', out, '--format', 'onnx']);
    expect([code, stderr]).toEqual([0, '']);
    expect((await readdir(out)).sort()).toEqual(FILES);
    for (const name of FILES) expect(stdout).toMatch(new RegExp(`${name}  \\d+\\.\\d kB\n`));

    const inspected = await vqkit(['inspect', join(out, 'encoder.onnx')]);
    expect([inspected.code, inspected.stderr]).toEqual([0, '']);
    expect(inspected.stdout).toContain('encoder.conv1.weight\tFLOAT\t[2, 1, 3, 3]\t72\n');
    expect(inspected.stdout).toContain('3 × Conv\n');
    expect(inspected.stdout).toMatch(
      /inputs images; outputs ids\nonnx: opset 17, by vqkit, \d+ initialisers, 0\.0 MB\n$/,
    );
  });

  it('writes those of vectors', async () => {
    const out = join(folder, 'graphs/vectors');
    expect(await vqkit(['export', vectors(), '--out', out, '--format', 'onnx'])).toMatchObject({ code: 0, stderr: '' });
    expect((await readdir(out)).sort()).toEqual(FILES);
  });

  it('refuses a file in place of the folder, another format, and a damaged graph, by name', async () => {
    const file = join(folder, 'notes.onnx');
    await writeFile(file, 'notes');
    const out = await vqkitHere(['export', images(), '--out', file, '--format', 'onnx']);
    expect([out.code, out.stderr]).toEqual([
      1,
      expect.stringMatching(/^error: export: .*notes\.onnx must be a folder/),
    ]);
    const format = await vqkitHere(['export', images(), '--format', 'tflite']);
    expect(format.stderr).toContain('Allowed choices are safetensors, onnx');
    const damaged = await vqkitHere(['inspect', file]);
    expect([damaged.code, damaged.stdout]).toEqual([1, '']);
    expect(damaged.stderr).toMatch(
      /^error: describeOnnx: .*notes\.onnx: the bytes must be a protobuf message whole, got/,
    );
  });
});
