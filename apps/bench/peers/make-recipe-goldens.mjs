// Makes test/recipe-losses.json: the loss of each of 100 steps of the example recipe in PyTorch, by recipe.py beside this file, from the
// initial weights and on the batches of vqkit's seed 1. Needs a build, and a Python with torch, safetensors and vector-quantize-pytorch.
// usage: node peers/make-recipe-goldens.mjs PYTHON
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeData } from '../dist/src/recipe/data.js';
import { trainByPyTorch } from '../dist/src/recipe/programs.js';
import { writeStart } from '../dist/src/recipe/start.js';

const [, , python = 'python3'] = process.argv;
const settings = { loss: 'mse', seed: 1, steps: 100, threads: 1 };
const images = { train: 2560, test: 100 };

const folder = await mkdtemp(join(tmpdir(), 'vqkit-goldens-'));
try {
  await writeData(folder, images);
  const losses = {};
  for (const quantizer of ['fsq', 'simvq', 'lfq']) {
    const own = { ...settings, quantizer };
    const start = await writeStart(
      join(folder, 'start.safetensors'),
      { ...own, engine: 'wasm', dataPath: folder },
      images.train,
    );
    const run = await trainByPyTorch(own, { python, folder, start });
    losses[quantizer] = run.losses.map((loss) => Number(loss.toPrecision(8)));
  }
  const out = fileURLToPath(new URL('../test/recipe-losses.json', import.meta.url));
  await writeFile(out, `${JSON.stringify({ madeBy: 'peers/make-recipe-goldens.mjs', images, settings, losses })}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
// Threads of the engine would keep the process.
process.exit(0);
