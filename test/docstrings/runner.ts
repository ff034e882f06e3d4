// Runs examples, one after the other, each package's on the cpu engine at first: node runner.js <package>:<example>… Copied beside them into a user's project.
import { mkdir, writeFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs-core';
import { createImageTokenizer, saveTokenizer } from '@vqkit/tokenizer';
import { createConfig, encodeImages, train } from '@vqkit/train';
import '@tensorflow/tfjs-backend-cpu';

const examples = process.argv.slice(2).map((argument) => argument.split(':') as [string, string]);
await tf.setBackend('cpu');
await writeFile('digits.safetensors', await saveTokenizer(createImageTokenizer({ quantizer: 'fsq' })));
await writeFile('config.json', '{}');
for (const folder of ['run', 'runs/a', 'data']) await mkdir(folder, { recursive: true });
if (examples.some(([from]) => from === '@vqkit/train')) {
  // 32 black images are enough.
  const dataPath = 'data/images';
  const file = new DataView(new ArrayBuffer(16 + 32 * 28 * 28));
  for (const [i, word] of [0x803, 32, 28, 28].entries()) file.setUint32(4 * i, word);
  await writeFile(dataPath, new Uint8Array(file.buffer));
  for (const quantizer of ['lfq', 'fsq'] as const) {
    await train(createConfig({ quantizer, dataPath, steps: 1, outDir: `runs/mnist-${quantizer}-1234` }));
  }
  await encodeImages('runs/mnist-fsq-1234', { dataPath, out: 'test.safetensors' });
}
let before = '';
for (const [from, name] of examples) {
  let failure = '';
  try {
    if (from !== before) await tf.setBackend('cpu');
    before = from;
    await import(`./${name}.js`);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  process.stdout.write(`\n@result ${JSON.stringify({ name, failure })}\n`);
}
// Engines may keep a process alive.
process.exit(0);
