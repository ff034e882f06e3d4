// The reader of ONNX files.
import assert from 'node:assert/strict';
import { describeOnnx } from '../../packages/onnx/dist/index.js';
import { files } from './corpus.mjs';
import { mutateBytes } from './mutate.mjs';

/** @type {import('./readers.mjs').Reader} */
export const ONNX_READER = {
  name: 'onnx',
  weight: 45,
  corpus: files(/onnx$/),
  mutators: [mutateBytes],
  read(bytes) {
    const { opsets, operations, initialisers } = describeOnnx(bytes, 'file');
    assert(opsets.size > 0 && [...operations.values()].every((count) => count > 0));
    const held = initialisers.reduce((sum, tensor) => sum + tensor.bytes, 0);
    assert(held <= bytes.length && initialisers.every(({ shape }) => shape.every((length) => length >= 0)));
  },
};
