import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeSafetensors } from '@vqkit/checkpoint';

/** What a checkout computes: the name of each number or digest, and its value. @typedef {Record<string, unknown>} Recording */

/** The quantizers of the reference library's examples, each trained on MNIST by its recipe. */
const PRESETS = ['lfq', 'fsq', 'simvq'];
const STEPS = 50;

/** What differs between two runs of the same program. */
const TIMES = ['elapsedSeconds', 'stepsPerSecond'];

/** Drivers that run WebGPU on the processor; without any, no shaders are recorded. */
const SOFTWARE_DRIVERS = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];

/**
 * Trains the presets with the command line of a built checkout and keeps what must not change: digests of weights, moments and token
 * ids, every loss, the test metrics, and digests of the shaders that WebGPU compiles.
 *
 * @param {string} checkout
 * @param {(done: string) => void} onPart
 * @returns {Recording}
 */
export function record(checkout, onPart) {
  const scratch = mkdtempSync(join(tmpdir(), 'vqkit-replay-'));
  const cli = commandLineOf(checkout);
  /** @param {string[]} args @param {Record<string, string>} [env] */
  const vqkit = (args, env = {}) => {
    const { status, stderr, stdout } = spawnSync(process.execPath, [cli, ...args], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`vqkit ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  };
  try {
    /** @type {Recording} */
    const recording = {};
    for (const quantizer of PRESETS) {
      const run = join(scratch, quantizer);
      const ids = join(scratch, `${quantizer}.safetensors`);
      const engine = ['--engine', 'wasm', '--threads', '1'];
      const train = ['--preset', 'recipe', '--quantizer', quantizer, '--steps', `${STEPS}`, '--log-every', '1'];
      vqkit(['train', ...train, ...engine, '--out-dir', run]);
      vqkit(['encode', run, '--part', 'test', ...engine, '--out', ids]);
      Object.assign(recording, {
        ...tensorDigests(`${quantizer} checkpoint`, join(run, 'checkpoints', `step-${STEPS}.safetensors`)),
        ...tensorDigests(`${quantizer} ids`, ids),
        ...metricsOf(quantizer, run),
      });
      onPart(quantizer);
    }
    const shaders = shadersOf(scratch, checkout, vqkit);
    onPart(shaders === undefined ? 'no shaders: WebGPU has no driver here' : 'shaders');
    return { ...recording, ...shaders };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** The script of whichever package has the command `vqkit`. @param {string} checkout */
function commandLineOf(checkout) {
  for (const parent of ['packages', 'apps']) {
    for (const folder of readdirSync(join(checkout, parent))) {
      const manifest = join(checkout, parent, folder, 'package.json');
      if (!existsSync(manifest)) continue;
      const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
      if (bin?.vqkit !== undefined) return join(checkout, parent, folder, bin.vqkit);
    }
  }
  throw new Error(`${checkout} has no package with the command vqkit. Pass a checkout of this repository.`);
}

/** @param {string | Uint8Array} bytes */
const digest = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

/**
 * Of every tensor of a file: its shape and a digest of its bytes.
 * @param {string} what
 * @param {string} file
 */
function tensorDigests(what, file) {
  const { tensors } = decodeSafetensors(new Uint8Array(readFileSync(file)), file);
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return [`${what} ${name}`, `[${shape}] ${digest(bytes)}`];
    }),
  );
}

/**
 * Every number of metrics.jsonl and of the test, but for times.
 * @param {string} what
 * @param {string} run
 */
function metricsOf(what, run) {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n');
  const records = lines.map((line) => JSON.parse(line));
  const summary = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8'));
  return {
    ...Object.assign({}, ...records.map((entry) => leaves(`${what} ${entry.kind} ${entry.step}`, entry))),
    ...leaves(`${what} summary`, summary),
  };
}

/**
 * @param {string} path
 * @param {unknown} value
 * @returns {Recording}
 */
function leaves(path, value) {
  if (typeof value !== 'object' || value === null) return { [path]: value };
  const entries = Object.entries(value).filter(([key]) => !TIMES.includes(key));
  return Object.assign({}, ...entries.map(([key, inner]) => leaves(`${path} ${key}`, inner)));
}

/**
 * The shaders of one step of each preset on a few small images, on a software driver where there is one.
 * @param {string} scratch
 * @param {string} checkout
 * @param {(args: string[], env: Record<string, string>) => void} vqkit
 * @returns {Recording | undefined}
 */
function shadersOf(scratch, checkout, vqkit) {
  const software = SOFTWARE_DRIVERS.map((folder) => `${folder}/vk_swiftshader_icd.json`).find(existsSync);
  const { VK_ICD_FILENAMES: driver = software } = process.env;
  if (driver === undefined) return undefined;
  const images = join(scratch, 'images');
  mkdirSync(images);
  writeFileSync(join(images, 'train-images-idx3-ubyte'), idxFile(12));
  const file = join(scratch, 'shaders');
  writeFileSync(file, '');
  const hook = fileURLToPath(new URL('./shaders.mjs', import.meta.url));
  const env = {
    VK_ICD_FILENAMES: driver,
    NODE_OPTIONS: `--import ${hook}`,
    REPLAY_SHADERS: file,
    REPLAY_CHECKOUT: checkout,
  };
  const data = ['--data', 'idx', '--data-path', join(images, 'train-images-idx3-ubyte')];
  const sizes = ['--validation-size', '2', '--test-size', '2', '--batch-size', '4', '--steps', '1'];
  for (const quantizer of PRESETS) {
    const run = join(scratch, `webgpu-${quantizer}`);
    vqkit(['train', ...data, ...sizes, '--quantizer', quantizer, '--engine', 'webgpu', '--out-dir', run], env);
  }
  const codes = [...new Set(readFileSync(file, 'utf8').trim().split('\n'))].sort();
  return Object.fromEntries(codes.map((code) => [`shader ${digest(code)}`, `${code.length} characters`]));
}

/** Images of 8 × 8 pixels in MNIST's format. @param {number} count */
function idxFile(count) {
  const header = Buffer.alloc(16);
  for (const [i, word] of [0x803, count, 8, 8].entries()) header.writeUInt32BE(word, 4 * i);
  return Buffer.concat([header, Buffer.from(Array.from({ length: count * 64 }, (_, i) => (i * 37) % 256))]);
}
