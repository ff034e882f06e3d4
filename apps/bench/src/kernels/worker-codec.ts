import { type Codec, createFsqCodec } from '@vqkit/fsq/codec';
import { createLfqCodec } from '@vqkit/lfq/codec';
import { createSimVqCodec } from '@vqkit/simvq/codec';
import { loopOf, type Prepared, readFloats } from './protocol.ts';
import { encoderOf, type Work } from './work.ts';

/** The second door of vqkit: encoding of typed arrays without TensorFlow.js. */
export function prepareCodec(work: Work): Prepared {
  const codec = encoderOf<Codec>(work, {
    fsq: ({ levels }) => createFsqCodec({ levels }),
    lfq: ({ dim }) => createLfqCodec({ dim, codebookSize: 2 ** dim }),
    simvq: ({ dim, codes, frozenDim, codebookPath, weightPath }) =>
      createSimVqCodec(
        { dim, codebookSize: codes, frozenCodebookDim: frozenDim },
        {
          frozen_codebook: { shape: [codes, frozenDim], data: readFloats(codebookPath) },
          'code_transform.weight': { shape: [dim, frozenDim], data: readFloats(weightPath) },
        },
      ),
  });
  const x = readFloats(work.inputPath);
  const ids = new Int32Array(work.n);
  return {
    measure: loopOf(() => codec.encodeInto(x, ids)),
    indices: async () => codec.encode(x),
  };
}
