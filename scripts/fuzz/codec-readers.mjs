// The readers of published checkpoints, for readers.mjs.
import assert from 'node:assert/strict';
import { loadCodec, openWeights } from '../../packages/codecs/dist/index.js';
import { CODECS, files, MODELS, modelFiles, ONNX, PYTHON } from './corpus.mjs';
import { mutateBytes, mutateContent, mutateHeader, mutateInside } from './mutate.mjs';

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
      // This one has no latents for its ids.
      if (codec.model !== 's3tokenizer-v2') assert.equal(codec.decode(ids).length, frames * codec.dim);
    },
  },
];
