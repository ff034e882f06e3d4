// Every reader of a file: what damaged files are made of, and a call that reads one and throws unless what it took obeys the file's rules.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createConfig, loadConfig, readTokenizer, resumeTraining, writeReport } from '../../apps/train/dist/index.js';
import { readRun } from '../../apps/train/dist/report/read-run.js';
import { parseMetrics } from '../../apps/train/dist/report-schema.js';
import { readCheckpoint } from '../../apps/train/dist/training-state.js';
import { decodeNpy, decodeSafetensors, encodeSafetensors } from '../../packages/checkpoint/dist/index.js';
import { fromSafeTensor } from '../../packages/checkpoint/dist/tensors.js';
import { floatsOf, integersOf, phrase, QuantizerError } from '../../packages/core-tensor/dist/index.js';
import { decodePictures, readIdxImages, readSounds } from '../../packages/data/dist/node.js';
import { createFsq } from '../../packages/fsq/dist/index.js';
import { createLfq } from '../../packages/lfq/dist/index.js';
import { createAdamW } from '../../packages/nn/dist/index.js';
import { createResidualVq } from '../../packages/residual/dist/index.js';
import { openRows } from '../../packages/rows/dist/index.js';
import { createSimVq } from '../../packages/simvq/dist/index.js';
import {
  loadImageTokenizer,
  loadTokenizer,
  recreateImageTokenizer,
  saveTokenizer,
} from '../../packages/tokenizer/dist/index.js';
import { readTokens, writeTokens } from '../../packages/tokens/dist/index.js';
import { createVq } from '../../packages/vq/dist/index.js';
import { CODEC_READERS } from './codec-readers.mjs';
import { FIXTURES, files, PYTHON, ROWS, SOUNDS } from './corpus.mjs';
import { cli, requireSentence } from './errors.mjs';
import {
  mutateBytes,
  mutateContent,
  mutateGzip,
  mutateHeader,
  mutateInside,
  mutateJsonFile,
  mutateLines,
  mutatePngHeader,
} from './mutate.mjs';
import { ONNX_READER } from './onnx-reader.mjs';
import { SHARD_READERS } from './shard-readers.mjs';

/**
 * @typedef {import('./corpus.mjs').Whole} Whole
 * @typedef {object} Reader
 * @property {string} name
 * @property {number} weight how often, among all
 * @property {Whole[]} corpus whole files
 * @property {import('./mutate.mjs').Mutator[]} mutators
 * @property {(bytes: Uint8Array, whole: Whole, folder: string) => unknown} read throws what the reader throws
 */

/** @param {ArrayLike<number>} values */
const allFinite = (values) => Array.from(values).every(Number.isFinite);

/** Ids that can be read. */
const IDS = /^ids-[iu]\d+\./;

const OF_SAFETENSORS = [mutateBytes, mutateHeader, mutateInside, mutateContent];

/**
 * A quantizer of each state dict of PyTorch.
 * @type {Record<string, () => import('../../packages/core-tensor/dist/index.js').Quantizer>}
 */
const QUANTIZERS = {
  fsq: () => createFsq({ levels: [5, 4, 3], dim: 6 }),
  lfq: () => createLfq({ dim: 6, codebookSize: 16 }),
  simvq: () => createSimVq({ dim: 4, codebookSize: 16 }),
  vq: () => createVq({ dim: 4, codebookSize: 16 }),
  residual: () => createResidualVq({ dim: 4, codebookSize: 16, numQuantizers: 2 }),
};

/** @type {Reader[]} */
export const READERS = [
  {
    name: 'safetensors',
    weight: 60,
    corpus: [...files(/^(tokens|simvq).*safetensors$/), ...files(/(16|32|64|u8|bool)\.safetensors$/, PYTHON)],
    mutators: OF_SAFETENSORS,
    async read(bytes) {
      const file = decodeSafetensors(bytes, 'file');
      assert.deepEqual(decodeSafetensors(encodeSafetensors(file.tensors, file.metadata)), file);
      for (const [name, value] of Object.entries(file.tensors)) {
        const made = fromSafeTensor(name, value);
        try {
          const exact = Array.from(/** @type {ArrayLike<number | bigint>} */ (value.data), Number);
          const isBits = /^(F16|BF16|F8)/.test(value.dtype);
          assert.deepEqual(made.shape, value.shape);
          assert.deepEqual([...(await made.data())], isBits ? [...floatsOf('', '', value)] : exact);
        } finally {
          made.dispose();
        }
      }
    },
  },
  {
    name: 'npy',
    weight: 45,
    corpus: [...files(/npy$/), ...files(IDS, PYTHON).filter(({ name }) => name.endsWith('npy'))],
    mutators: [mutateBytes],
    read(bytes) {
      const { dtype, shape, data } = decodeNpy(bytes, 'file');
      assert.equal(
        data.length,
        shape.reduce((product, size) => product * size, 1),
      );
      const values = Array.from(/** @type {ArrayLike<number | bigint>} */ (data), Number);
      assert.deepEqual([...integersOf('f', 'ids', { dtype, shape, data })], values);
    },
  },
  {
    name: 'ids',
    weight: 45,
    corpus: [...files(/^tokens/), ...files(IDS, PYTHON)],
    mutators: [mutateBytes, mutateBytes, mutateContent],
    async read(bytes, { name }, folder) {
      const path = join(folder, name);
      await writeFile(path, bytes);
      const tokens = await readTokens(path);
      await writeTokens(path, tokens);
      assert.deepEqual(await readTokens(path), tokens);
    },
  },
  ONNX_READER,
  {
    name: 'rows',
    weight: 30,
    corpus: files(/parquet$/, ROWS),
    mutators: [mutateBytes],
    async read(bytes, { name }, folder) {
      const path = join(folder, name);
      await writeFile(path, bytes);
      const rows = await openRows('fuzz', path, { column: 'list', keyColumn: 'sku' });
      const { values, keys } = await rows.read(0, Math.min(rows.count, 20));
      assert.equal(values.length, keys.length * rows.width);
    },
  },
  ...CODEC_READERS,
  ...SHARD_READERS,
  {
    name: 'tokenizer',
    weight: 45,
    corpus: files(/tokenizer\.safetensors$/),
    mutators: OF_SAFETENSORS,
    async read(bytes) {
      const tokenizer = loadTokenizer(bytes, 'file');
      try {
        const again = await saveTokenizer(tokenizer);
        assert(Object.values(decodeSafetensors(again).tensors).every((value) => allFinite(floatsOf('', '', value))));
        const twin = loadTokenizer(again);
        const same = await saveTokenizer(twin);
        twin.dispose();
        assert.deepEqual(same, again);
      } finally {
        tokenizer.dispose();
      }
    },
  },
  {
    name: 'state dict',
    weight: 30,
    corpus: files(/^(fsq|lfq|simvq|vq|residual)/, PYTHON),
    mutators: OF_SAFETENSORS,
    async read(bytes, { name }) {
      const make = QUANTIZERS[name.split('-')[0] ?? ''];
      const { tensors } = decodeSafetensors(bytes, 'file');
      /** @type {[string, import('@tensorflow/tfjs-core').Tensor][]} */
      const state = [];
      const quantizer = /** @type {NonNullable<typeof make>} */ (make)();
      try {
        for (const [key, value] of Object.entries(tensors)) state.push([key, fromSafeTensor(key, value)]);
        quantizer.loadStateDict(Object.fromEntries(state));
        for (const [key, value] of Object.entries(quantizer.stateDict())) {
          const stored = /** @type {import('./mutate.mjs').SafeTensor} */ (tensors[key]);
          const expected = stored.dtype === 'BOOL' ? stored.data : floatsOf('', key, stored);
          assert.deepEqual([...(await value.data())], [...expected]);
          value.dispose();
        }
      } finally {
        for (const [, value] of state) value.dispose();
        quantizer.dispose();
      }
    },
  },
  {
    name: 'checkpoint',
    weight: 45,
    corpus: files(/checkpoint\.safetensors$/),
    mutators: [mutateBytes, mutateContent, mutateContent],
    async read(bytes, whole, folder) {
      const path = join(folder, 'step-3.safetensors');
      await writeFile(path, bytes);
      loadImageTokenizer(await readTokenizer(path), path).dispose();
      const { metadata } = decodeSafetensors(whole.bytes);
      const model = recreateImageTokenizer(JSON.parse(metadata.model ?? ''));
      const optimizer = createAdamW({ variables: model.variables() });
      try {
        const step = await readCheckpoint(path, { model, optimizer });
        assert(Number.isSafeInteger(step) && step >= 0);
        for (const [name, value] of Object.entries(optimizer.state())) {
          const values = Array.from(await value.data());
          assert(allFinite(values) && (!name.startsWith('v.') || values.every((v) => v >= 0)));
        }
        assert(Object.values(optimizer.steps()).every((t) => t <= step));
      } finally {
        optimizer.dispose();
        model.dispose();
      }
    },
  },
  {
    name: 'config.json',
    weight: 45,
    corpus: files(/config\.json$/),
    mutators: [mutateBytes, mutateJsonFile, mutateJsonFile],
    async read(bytes, _, folder) {
      const path = join(folder, 'config.json');
      await writeFile(path, bytes);
      const config = await loadConfig({ file: path });
      const text = JSON.stringify(config);
      assert.equal(JSON.stringify(createConfig(JSON.parse(text))), text);
    },
  },
  {
    name: 'metrics.jsonl',
    weight: 45,
    corpus: files(/jsonl$/),
    mutators: [mutateBytes, mutateLines, mutateLines],
    read(bytes) {
      const { records, problems } = parseMetrics(bytes);
      for (const { record } of records) assert(Number.isSafeInteger(record.step) && record.step >= 0);
      const text = records.map(({ line }) => `${line}\n`).join('');
      assert.deepEqual(parseMetrics(Buffer.from(text)), { records, problems: [] });
      for (const problem of problems) requireSentence(`metrics: ${problem}. Left out.`);
    },
  },
  {
    name: 'report-data.json',
    weight: 30,
    corpus: files(/report-data\.json$/),
    mutators: [mutateBytes, mutateJsonFile, mutateJsonFile],
    async read(bytes, whole, folder) {
      await writeFile(join(folder, 'report-data.json'), bytes);
      const { images } = await readRun('fuzz', folder);
      if (images !== undefined) {
        assert.equal(images.originals.length, images.count * images.height * images.width * images.channels);
      }
      // The page itself takes a hundred times as long.
      if (bytes.length % 50 === whole.bytes.length % 50) await writeReport([folder], join(folder, 'report.html'));
    },
  },
  {
    name: 'idx',
    weight: 30,
    corpus: files(/idx(\.gz)?$/),
    mutators: [mutateBytes, mutateBytes, mutateGzip],
    async read(bytes, _, folder) {
      const path = join(folder, 'images.idx');
      await writeFile(path, bytes);
      const images = await readIdxImages(path);
      const batch = images.batch([0, images.count - 1]);
      assert.equal(batch.length, 2 * images.height * images.width);
      assert(batch.every((value) => value >= -1 && value <= 1));
    },
  },
  {
    name: 'picture',
    weight: 30,
    corpus: files(/(png|jpg)$/),
    mutators: [mutateBytes, mutateBytes, mutatePngHeader],
    async read(bytes, { name }, folder) {
      const path = join(folder, name);
      await writeFile(path, bytes);
      const { decoded, skipped } = await decodePictures([path], 16, 3);
      assert.equal(decoded.length + skipped.length, 1);
      assert(decoded.every(({ pixels }) => pixels.length === 16 * 16 * 3));
      assert(skipped.every(({ reason }) => reason !== '' && reason.length < 1000));
      if (skipped.length > 0)
        throw new QuantizerError('picture', 'it', 'be readable', phrase(String(skipped[0]?.reason)), 'Skipped.');
    },
  },
  {
    name: 'sound',
    weight: 30,
    corpus: files(/(wav|flac|ogg|mp3)$/, SOUNDS),
    mutators: [mutateBytes],
    async read(bytes, { name }, folder) {
      const path = join(folder, name);
      await writeFile(path, bytes);
      const { clips } = await readSounds(path, { sampleRate: 8000, channels: 2 });
      assert.equal(clips.length, 1);
      assert(clips.every(({ samples }) => samples.length > 0 && samples.length % 2 === 0 && allFinite(samples)));
    },
  },
  {
    name: 'run folder',
    weight: 1,
    corpus: files(/^lfq\.(config\.json|metrics\.jsonl|checkpoint\.safetensors)$/),
    mutators: [mutateBytes, mutateInside, mutateInside],
    async read(bytes, { name }, folder) {
      for (const whole of files(/^lfq\.(config\.json|metrics\.jsonl|checkpoint\.safetensors)$/)) {
        const isCheckpoint = whole.name.includes('checkpoint');
        const path = join(folder, isCheckpoint ? 'checkpoints/step-3.safetensors' : whole.name.replace('lfq.', ''));
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, whole.name === name ? bytes : whole.bytes);
      }
      // A configuration may well ask for 4,000,000,000 steps.
      const changes = { dataPath: join(FIXTURES, 'images.idx'), engine: /** @type {const} */ ('cpu'), steps: 3 };
      const { status } = await resumeTraining(folder, changes);
      assert.equal(status, 'finished');
    },
  },
  {
    name: 'command line',
    weight: 1,
    corpus: [...files(/^(tokens-lfq|lfq\.(tokenizer|checkpoint))\.safetensors$/), ...files(/^lfq\.report/)],
    mutators: [mutateBytes, mutateBytes],
    async read(bytes, { name }, folder) {
      const tokenizer = join(FIXTURES, 'lfq.tokenizer.safetensors');
      const path = join(folder, name.startsWith('lfq.report') ? 'report-data.json' : name);
      await writeFile(path, bytes);
      const out = ['--out', join(folder, 'out')];
      if (name.startsWith('tokens')) await cli(['decode', tokenizer, path, '--engine', 'cpu', ...out]);
      else if (name.startsWith('lfq.report')) await cli(['report', folder, ...out]);
      else await cli(['export', path, ...out]);
    },
  },
];

/** A folder for the files of a run of the fuzzer; the caller removes it. */
export async function makeFolder() {
  return mkdtemp(join(tmpdir(), 'vqkit-fuzz-'));
}

/** An empty folder in it. @param {string} folder */
export async function emptyFolder(folder) {
  const path = join(folder, 'input');
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
  return path;
}
