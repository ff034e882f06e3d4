import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { add, zeros } from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { decodeSafetensors } from '@vqkit/checkpoint';
import { readSafetensors } from '@vqkit/checkpoint/node';
import { assertIndices, floatsOf, QuantizerError } from '@vqkit/core-tensor';
import { createFsq } from '@vqkit/fsq';
import { createFsqCodec } from '@vqkit/fsq/codec';
import { createLfq } from '@vqkit/lfq';
import { createResidualVq, createVq } from '@vqkit/quantizers';
import { createSimVq } from '@vqkit/simvq';
import { startEngine } from '@vqkit/testing';
import { createImageTokenizer, loadTokenizer } from '@vqkit/tokenizer';
import { createConfig } from '@vqkit/train';
import { beforeAll, expect, it } from 'vitest';

beforeAll(() => startEngine('wasm'));

const missing = join(tmpdir(), 'no-such-folder', 'none.safetensors');
const many = Array.from({ length: 1_000_000 }, () => 8.5);

const calls: Record<string, () => unknown> = {
  'an option of fsq': () => createFsq({ levels: [8, 5, 1] }),
  'a huge value': () => createFsq({ levels: many }),
  'a misspelt option of vq': () => createVq({ dim: 4, codebookSize: 8, codebokSize: 8 } as never),
  'a dtype': () => createLfq({ dim: 4 }).encode(zeros([2, 4], 'int32')),
  'a shape': () => createLfq({ dim: 4 }).encode(zeros([2, 5])),
  'a disposed quantizer': () => {
    const simvq = createSimVq({ dim: 4, codebookSize: 8 });
    simvq.dispose();
    return simvq.encode(zeros([2, 4]));
  },
  'a state within a stack': () => {
    const stack = createResidualVq({ dim: 4, codebookSize: 8, numQuantizers: 2 });
    return stack.loadStateDict({});
  },
  'data of a tensor': () => assertIndices('decodeFile', add(zeros([3], 'int32'), 9), 8),
  'a codec': () => createFsqCodec({ levels: [8, 5] }).encode(new Float32Array(3)),
  'a dtype of a file': () => floatsOf('load', 'w', { dtype: 'F6', shape: [1], data: new Uint8Array(1) }),
  'a damaged file': () => decodeSafetensors(new Uint8Array(20)),
  'a file that is not there': () => readSafetensors(missing),
  'a tokenizer of a damaged file': () => loadTokenizer(new Uint8Array(20)),
  'an option of a tokenizer': () => createImageTokenizer({ quantizer: 'fsq', widths: [0] } as never),
  'a training option': () => createConfig({ stpes: 3 } as never),
  'an engine that runs otherwise': () => init({ threads: 64 }),
};

it.each(Object.entries(calls))('%s: the error has the five fields that its message is made of', async (_, call) => {
  const error: unknown = await new Promise((resolve) => resolve(call())).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(QuantizerError);
  const { message, where, argument, rule, got, fix } = error as QuantizerError;
  for (const field of [where, argument, rule, got, fix]) expect(field).toMatch(/\S/);
  expect(error).toHaveProperty('value');
  expect(message).toBe(`${where}: ${argument} must ${rule}, got ${got}. ${fix}`);
  expect(fix).toMatch(/[.?]$/);
  expect(message.length).toBeLessThan(600);
});

it('keeps the value itself, which the message shows in part', () => {
  let error: unknown;
  try {
    createFsq({ levels: many });
  } catch (caught) {
    error = caught;
  }
  expect((error as QuantizerError).message.length).toBeLessThan(300);
});
