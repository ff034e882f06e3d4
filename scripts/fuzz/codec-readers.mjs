// The readers of published checkpoints, for readers.mjs.
import assert from 'node:assert/strict';
import { decodeSafetensors } from '../../packages/checkpoint/dist/index.js';
import { loadCodec, openWeights } from '../../packages/codecs/dist/index.js';
import { floatsOf } from '../../packages/core-tensor/dist/index.js';
import { createSimVqCodec } from '../../packages/simvq/dist/codec.js';
import { createVqCodec } from '../../packages/vq/dist/codec.js';
import { CODECS, files, MODELS, modelFiles, ONNX, PYTHON } from './corpus.mjs';
import { mutateBytes, mutateContent, mutateHeader, mutateInside } from './mutate.mjs';

/**
 * By the method that the name of a file begins with.
 * @type {Record<string, typeof createVqCodec | typeof createSimVqCodec>}
 */
const METHODS = { simvq: createSimVqCodec, vq: createVqCodec };

/** @type {import('./readers.mjs').Reader[]} */
export const CODEC_READERS = [
  {
    name: 'weights',
    weight: 60,
    corpus: [
      ...files(/./, CODECS),
      ...files(/quantizer\.onnx$/, ONNX),
      ...files(/pth$/, MODELS),
      ...files(/^simvq.*safetensors$/, PYTHON),
    ],
    mutators: [mutateBytes],
    async read(bytes) {
      const weights = await openWeights(bytes, 'file');
      for (const [name, { dtype, shape }] of weights.tensors) {
        const tensor = await weights.read(name);
        const size = shape.reduce((product, axis) => product * axis, 1);
        assert.deepEqual([tensor.dtype, tensor.shape, tensor.data.length], [dtype, shape, size]);
        assert(tensor.data.byteLength <= Math.max(16 * bytes.length, 2 ** 20), 'larger than a file may make it');
      }
    },
  },
  {
    name: 'published codec',
    weight: 45,
    corpus: modelFiles(),
    mutators: [mutateBytes, mutateHeader, mutateInside, mutateContent],
    async read(bytes, { options }) {
      const codec = await loadCodec(bytes, { fileName: 'file', ...options });
      const frames = 2 * codec.block;
      const ids = codec.encode(new Float32Array(frames * codec.dim).fill(0.5));
      for (const [layer, own] of ids.entries()) {
        assert.equal(own.length, Math.round(frames / (codec.strides[layer] ?? 0)));
        assert(own.every((id) => id >= 0 && id < (codec.codebookSizes[layer] ?? 0)));
      }
      if (codec.decodes) assert.equal(codec.decode(ids).length, frames * codec.dim);
    },
  },
  {
    name: 'codec',
    weight: 30,
    corpus: files(/^(simvq|vq)/, PYTHON),
    mutators: [mutateBytes, mutateHeader, mutateInside, mutateContent],
    read(bytes, { name }) {
      const { tensors } = decodeSafetensors(bytes, 'file');
      const create = METHODS[name.split('-')[0] ?? ''];
      const codec = /** @type {NonNullable<typeof create>} */ (create)({ dim: 4, codebookSize: 16 }, tensors);
      const ids = codec.encode(new Float32Array(8));
      assert(ids.length === 2 && ids.every((id) => id >= 0 && id < 16));
      const codes = codec.decode(Int32Array.from({ length: 16 }, (_, i) => i));
      const { '_codebook.embed': embed } = tensors;
      if (embed !== undefined) assert.deepEqual([...codes], [...floatsOf('', '', embed)]);
    },
  },
];
