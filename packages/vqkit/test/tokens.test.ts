import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeSafetensors } from '@vqkit/checkpoint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, vqkit, vqkitHere, writeTinyData } from './cli.ts';

let root: string;
const call = (line: string): Promise<Ended> => vqkit(line.split(' '), { cwd: root });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'vqkit-tokens-'));
  await writeTinyData(join(root, 'data'));
  const options = '--validation-size 8 --batch-size 8 --widths 4,8 --steps 3 --quantizer fsq --levels 5,4';
  const { code } = await call(`train --data idx --data-path data ${options} --out-dir run`);
  expect(code).toBe(0);
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describe('inspect', () => {
  it('lists the layers of a run, its checkpoint and its tokenizer: shapes, parameters, FLOPs, receptive field', async () => {
    await call('export run --out inspected.safetensors');
    const outputs: Ended[] = [];
    for (const path of ['run', 'run/checkpoints/step-3.safetensors', 'inspected.safetensors']) {
      outputs.push(await call(`inspect ${path}`));
    }
    for (const { code, stdout, stderr } of outputs) expect([code, stdout, stderr]).toEqual([0, outputs[0]?.stdout, '']);
    const lines = (outputs[0]?.stdout ?? '').split('\n').map((line) => line.split(/ {2,}/).join(' | '));
    expect(lines).toEqual([
      'layer | operation | shape | parameters | FLOPs | field',
      'input | 8 × 8 × 1',
      'encoder.conv1 | conv2d | 8 × 8 × 4 | 40 | 4,608 | 3 × 3',
      'encoder.pool1 | maxPool2d | 4 × 4 × 4 | 4 × 4',
      'encoder.act1 | gelu | 4 × 4 × 4 | 4 × 4',
      'encoder.conv2 | conv2d | 4 × 4 × 8 | 296 | 9,216 | 8 × 8',
      'encoder.pool2 | maxPool2d | 2 × 2 × 8 | 10 × 10',
      'to_code | conv2d | 2 × 2 × 2 | 18 | 128 | 10 × 10',
      'quantizer | FSQ | 2 × 2 × 2 | 0',
      'from_code | conv2d | 2 × 2 × 8 | 152 | 1,152 | 3 × 3',
      'decoder.conv1 | conv2d | 4 × 4 × 4 | 292 | 9,216 | 4 × 4',
      'decoder.act1 | gelu | 4 × 4 × 4 | 4 × 4',
      'decoder.conv2 | conv2d | 8 × 8 × 1 | 37 | 4,608 | 5 × 5',
      'conv around fsq: 20 codes, 4.32 bits per token',
      '835 numbers: encoder 354, quantizer 0, decoder 481',
      'FLOPs per example: encoder 13,952, decoder 14,976',
      'a token sees 10 × 10 places of the input',
      '',
    ]);
  });
});

describe('export, encode, decode', () => {
  it('go from a run to a file, to tokens, to pictures', async () => {
    const exported = await call('export run --out digits.safetensors');
    expect(exported).toMatchObject({ code: 0 });
    expect(exported.stdout).toMatch(
      /^fsq: 20 codes, 4\.32 bits per token, a token for 4 × 4 pixels, grey, trained on 8 × 8 pixels, \d+\.\d kB, SHA-256 [0-9a-f]{64}\ndigits\.safetensors\n$/,
    );
    const { metadata } = decodeSafetensors(await readFile(join(root, 'digits.safetensors')));
    expect(metadata.format).toBe('vqkit-tokenizer-1');

    const encoded = await call('encode digits.safetensors --data idx --data-path data --part test --batch-size 20');
    expect([encoded.code, encoded.stdout]).toEqual([
      0,
      '48 images: 4 tokens each (ids 2 × 2) of 4.32 bits\ntokens.safetensors\n',
    ]);
    expect(encoded.stderr).toMatch(
      /^48 images, engine \w+\n(\d+\/48 images .*\n)*48\/48 images {2}\S+ images\/s {2}0:00 left\n$/,
    );

    const decoded = await call('decode run tokens.safetensors --limit 5 --out pictures');
    expect([decoded.code, decoded.stdout]).toEqual([0, '5 pictures\npictures\n']);
    expect((await readdir(join(root, 'pictures'))).length).toBe(5);
  });

  it('write over nothing that they read', async () => {
    await call('export run --out kept.safetensors');
    await symlink('kept.safetensors', join(root, 'link.safetensors'));
    const checkpoint = 'run/checkpoints/step-3.safetensors';
    const files = ['kept.safetensors', checkpoint, 'run/config.json', 'run/report-data.json'];
    const contents = (): Promise<Buffer[]> => Promise.all(files.map((file) => readFile(join(root, file))));
    const before = await contents();
    for (const line of [
      'encode kept.safetensors --data idx --data-path data --out link.safetensors',
      `encode run --data idx --data-path data --out ${checkpoint}`,
      `export run --out ${checkpoint}`,
      'export kept.safetensors --out kept.safetensors',
      'export run --out run/config.json',
      'report run --out run/report-data.json',
    ]) {
      const { code, stderr } = await vqkitHere(line.split(' '), root);
      expect([code, stderr], line).toEqual([
        2,
        expect.stringMatching(/^error: \w+: \S+ must not be what it is made of or what a run needs, got \S+\. /),
      ]);
    }
    expect(await contents()).toEqual(before);
  });

  it.each(['export', 'encode', 'decode'])('%s has a help with examples', async (command) => {
    const { code, stdout } = await vqkitHere([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: vqkit ${command} [options]`);
    expect(stdout).toContain(`\n  vqkit ${command} `);
  });

  it.each<[string, RegExp]>([
    ['export', /missing required argument 'run'/],
    ['export none', /none must be a readable file, got ENOENT/],
    ['export data', /data must be the folder of a run with a checkpoint, got none there/],
    ['export run --out run', /export: run must not be what it is made of/],
    ['encode', /missing required argument 'tokenizer'/],
    ['encode run --batch', /unknown option '--batch'/],
    ['encode run --data idx', /encodeImages: --data-path must be given for --data 'idx'/],
    ['encode run --batch-size 0', /encodeImages: --batch-size must be >= 1, got 0/],
    ['encode run --out tokens.csv', /must end in \.safetensors or \.npy, got "tokens\.csv"/],
    ['encode run none.png', /none\.png must be a folder/],
    ['encode run data --data mnist', /--data-path must not be given with --data 'mnist'/],
    ['encode run pictures --data-path data', /--data-path must not be given with paths of pictures/],
    ['encode run --data folder --data-path none', /none must be a folder/],
    ['decode run', /missing required argument 'tokens'/],
    ['decode run none.npy', /none\.npy must be a readable file/],
    ['decode run text.npy', /decodeNpy: text\.npy must be an \.npy file/],
    ['decode run/config.json text.npy', /config\.json must have/],
  ])('vqkit %s ends with one line', async (line, message) => {
    await writeFile(join(root, 'text.npy'), 'some text');
    const { code, stdout, stderr } = await vqkitHere(line.split(' '), root);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    const damaged = /readable file|\.npy must be an|config\.json/.test(stderr);
    expect([code, stdout]).toEqual([damaged ? 1 : 2, '']);
    expect(existsSync(join(root, 'decoded'))).toBe(false);
  });

  it('encode stops on SIGINT with code 130 and writes nothing', async () => {
    await writeTinyData(join(root, 'many'), 4000);
    let sent = false;
    const args = ['encode', 'run', '--data', 'idx', '--data-path', 'many', '--batch-size', '1', '--out', 'stopped.npy'];
    const { code, stderr, stdout } = await vqkit(args, {
      cwd: root,
      onStderr(text, kill) {
        if (sent || !text.includes('engine')) return;
        sent = true;
        kill('SIGINT');
      },
    });
    expect([code, stdout]).toEqual([130, '']);
    expect(stderr).toMatch(/Stopping after this batch; once more to stop at once\.\nStopped\.\n$/);
    expect(existsSync(join(root, 'stopped.npy'))).toBe(false);
  });
});
