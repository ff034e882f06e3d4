#!/usr/bin/env node
// Makes scripts/fuzz/fixtures/: the whole files that the fuzzer damages, as vqkit writes them. After `npm run build`;
// usage: node scripts/fuzz/make-corpus.mjs
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { createConfig, encodeImages, readTokenizer, train } from '../../apps/train/dist/index.js';
import { createRng } from '../../packages/core-tensor/dist/index.js';
import { exportOnnx } from '../../packages/onnx/dist/index.js';
import {
  createImageTokenizer,
  createVectorTokenizer,
  loadTokenizer,
  saveTokenizer,
} from '../../packages/tokenizer/dist/index.js';
import { startEngine } from './engine.mjs';
import { sharp } from './modules.mjs';

const out = fileURLToPath(new URL('fixtures/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'vqkit-corpus-'));
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const side = 8;
const rng = createRng(5);
const pixels = Uint8Array.from({ length: 24 * side * side }, () => rng.integer(256));
const idx = Buffer.alloc(16 + pixels.length);
[0x803, 24, side, side].forEach((value, i) => {
  idx.writeUInt32BE(value, 4 * i);
});
idx.set(pixels, 16);
writeFileSync(join(out, 'images.idx'), idx);
writeFileSync(join(out, 'images.idx.gz'), gzipSync(idx));

/** @type {[string, import('../../apps/train/dist/index.js').TrainOptions][]} */
const runs = [
  ['fsq', { quantizer: 'fsq', quantizerOptions: { levels: [5, 4] } }],
  ['simvq', { quantizer: 'simvq', quantizerOptions: { codebookSize: 8, codebookTransform: 'linear' } }],
  ['residual-vq', { quantizer: 'residual-vq', quantizerOptions: { codebookSize: 4, numQuantizers: 2 } }],
  ['lfq', { quantizer: 'lfq', quantizerOptions: { codebookSize: 16 } }],
];
for (const [name, options] of runs) {
  const outDir = join(folder, name);
  await train(
    createConfig({
      data: 'idx',
      dataPath: join(out, 'images.idx'),
      outDir,
      widths: [2, 4],
      batchSize: 4,
      steps: 3,
      validationSize: 4,
      testSize: 4,
      engine: 'cpu',
      ...options,
    }),
  );
  copyFileSync(join(outDir, 'checkpoints', 'step-3.safetensors'), join(out, `${name}.checkpoint.safetensors`));
  writeFileSync(join(out, `${name}.tokenizer.safetensors`), await readTokenizer(outDir));
  for (const [file, ending] of [
    ['config', 'json'],
    ['metrics', 'jsonl'],
    ['report-data', 'json'],
  ]) {
    const text = readFileSync(join(outDir, `${file}.${ending}`), 'utf8')
      .replaceAll(folder, '/runs')
      .replaceAll(out, '/data/');
    writeFileSync(join(out, `${name}.${file}.${ending}`), ending === 'json' ? JSON.stringify(JSON.parse(text)) : text);
  }
}

await startEngine();
/** Tokenizers with the counts that those have not. @type {[string, import('../../packages/tokenizer/dist/index.js').Tokenizer][]} */
const counted = [
  ['lfq-codebooks', image('lfq', { codebookSize: 4, numCodebooks: 2 })],
  ['fsq-codebooks', image('fsq', { levels: [3, 4], numCodebooks: 2 })],
  ['vq-heads', image('vq', { codebookSize: 4, codebookDim: 2, heads: 2, separateCodebookPerHead: true })],
  ['residual-vq-sizes', image('residual-vq', { codebookSize: [4, 2, 3], codebookDim: 2, numQuantizers: 3 })],
  ['residual-lfq', image('residual-lfq', { dim: 2, codebookSize: 4, numQuantizers: 2 })],
  ['resnet', image('fsq', { levels: [3, 4] }, { architecture: 'resnet', attention: true, groups: 2 })],
  [
    'mlp',
    createVectorTokenizer({
      features: 3,
      hidden: [4],
      latentWidth: 2,
      quantizer: 'residual-simvq',
      quantizerOptions: { codebookSize: 4, numQuantizers: 2 },
    }),
  ],
];
for (const [name, tokenizer] of counted) {
  writeFileSync(join(out, `${name}.tokenizer.safetensors`), await saveTokenizer(tokenizer));
}

/**
 * @param {import('../../packages/quantizers/dist/index.js').QuantizerName} quantizer
 * @param {Readonly<Record<string, unknown>>} quantizerOptions
 * @param {Partial<import('../../packages/tokenizer/dist/index.js').ImageTokenizerOptions>} [more]
 */
function image(quantizer, quantizerOptions, more) {
  return createImageTokenizer({ widths: [2, 4], channels: 1, quantizer, quantizerOptions, ...more });
}

const raw = { width: 8, height: 8, channels: /** @type {const} */ (3) };
const picture = () => sharp(pixels.subarray(0, 192), { raw });
await picture().png().toFile(join(out, 'rgb.png'));
await picture().toColourspace('grey16').png({ palette: false }).toFile(join(out, 'grey16.png'));
await picture().png({ palette: true }).toFile(join(out, 'palette.png'));
await picture().jpeg().toFile(join(out, 'rgb.jpg'));
await picture().jpeg({ progressive: true }).withMetadata({ orientation: 6 }).toFile(join(out, 'turned.jpg'));

for (const name of ['rgb.png', 'rgb.jpg']) {
  mkdirSync(join(folder, 'pictures'), { recursive: true });
  copyFileSync(join(out, name), join(folder, 'pictures', name));
}
for (const ending of ['safetensors', 'npy']) {
  await encodeImages(join(out, 'residual-vq.tokenizer.safetensors'), {
    data: 'idx',
    dataPath: join(out, 'images.idx'),
    limit: 3,
    out: join(out, `tokens.${ending}`),
    engine: 'cpu',
  });
}
await encodeImages(join(out, 'lfq.tokenizer.safetensors'), {
  data: 'idx',
  dataPath: join(out, 'images.idx'),
  limit: 3,
  out: join(out, 'tokens-lfq.safetensors'),
  engine: 'cpu',
});
const tokenizer = loadTokenizer(readFileSync(join(out, 'fsq.tokenizer.safetensors')));
const { quantize, encoder } = await exportOnnx(tokenizer);
writeFileSync(join(out, 'fsq.quantize.onnx'), quantize);
writeFileSync(join(out, 'fsq.encoder.onnx'), encoder);
rmSync(folder, { recursive: true });
// Shards of the same pictures.
await import('./make-shards.mjs');
