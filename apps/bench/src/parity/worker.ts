// The process of one engine: encodes random vectors, compares their ids with those of float64, and prints what it found as one line of
// JSON. Its arguments are a ParityTask and ExpectedFiles.
import { readFileSync } from 'node:fs';
import { tensor, version_core } from '@tensorflow/tfjs-core';
import { init as initNode } from '@vqkit/backend-node';
import { init as initWasm } from '@vqkit/backend-wasm';
import { init as initWebgpu } from '@vqkit/backend-webgpu';
import { chunksOf, subjectOf } from './subjects.ts';
import {
  type EngineMissing,
  type EngineName,
  type ExpectedFiles,
  MOST_LISTED,
  type ParityFound,
  type ParityTask,
} from './task.ts';

/** Starts an engine and gives its name with its version. @throws Error with the reason when it does not run here. */
async function start(engine: EngineName): Promise<string> {
  switch (engine) {
    case 'wasm':
    case 'wasm-threads': {
      const { threads } = await initWasm({ threads: engine === 'wasm' ? 1 : 2 });
      if (engine === 'wasm-threads' && threads < 2) throw new Error('no threads');
      return `tfjs-wasm ${version_core}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
    }
    case 'webgpu': {
      const { adapter, version } = await initWebgpu();
      return `tfjs-webgpu ${version}, ${adapter}`;
    }
    default: {
      const { engine: chosen, tensorflow, notChosen } = await initNode({ prefer: engine });
      if (chosen !== engine) throw new Error(notChosen.find((other) => other.engine === engine)?.reason ?? chosen);
      return engine === 'native' ? `TensorFlow ${tensorflow}` : `tfjs-cpu ${version_core}`;
    }
  }
}

async function compare(
  { engine, quantizer, tokens }: ParityTask,
  files: ExpectedFiles,
): Promise<ParityFound | EngineMissing> {
  let title: string;
  try {
    title = await start(engine);
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
  const began = performance.now();
  const { encode, reference, codes, draw } = await subjectOf(quantizer);
  if (!readFileSync(files.codes).equals(new Uint8Array(codes.buffer))) {
    throw new Error(`${engine} has other codes than the reference of ${quantizer}`);
  }
  const { buffer, byteOffset } = readFileSync(files.ids);
  const expected = new Int32Array(buffer, byteOffset, tokens);
  let differences = 0;
  const listed: [number, number, number][] = [];
  for (const { chunk, first, count } of chunksOf(tokens)) {
    const x = draw(chunk, count);
    const input = tensor(x, [count, reference.dim]);
    const output = encode(input);
    const ids = await output.data();
    for (let n = 0; n < count; n++) {
      const id = ids[n] as number;
      if (id === expected[first + n]) continue;
      differences++;
      if (listed.length < MOST_LISTED) listed.push([first + n, id, reference.ulps(x, n, id)]);
    }
    input.dispose();
    output.dispose();
  }
  return { title, tokens, differences, listed, seconds: (performance.now() - began) / 1000 };
}

const [, , task = '', files = ''] = process.argv;
const found = await compare(JSON.parse(task) as ParityTask, JSON.parse(files) as ExpectedFiles);
// Engines print to the same stream.
process.stdout.write(`\n@parity ${JSON.stringify(found)}\n`, () => process.exit(0));
