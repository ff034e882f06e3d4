import { type Codec, createFsqCodec } from '@vqkit/fsq/codec';
import { createLfqCodec } from '@vqkit/lfq/codec';
import { createSimVqCodec } from '@vqkit/simvq/codec';
import { loopOf, type Prepared, readFloats } from './protocol.ts';
import type { TokenWork } from './work.ts';

/** The second door of vqkit: encoding of typed arrays without TensorFlow.js. */
export function prepareCodec(work: TokenWork): Prepared {
  if (work.op !== 'encode') throw new Error('a codec encodes and decodes only');
  const codec = build(work);
  const x = readFloats(work.inputPath);
  const ids = new Int32Array(work.n);
  return {
    measure: loopOf(() => codec.encodeInto(x, ids)),
    indices: async () => codec.encode(x),
  };
}

function build(work: TokenWork): Codec {
  switch (work.quantizer) {
    case 'fsq':
      return createFsqCodec({ levels: work.levels });
    case 'lfq':
      return createLfqCodec({ dim: work.dim, codebookSize: 2 ** work.dim });
    case 'simvq': {
      const { dim, codes, frozenDim } = work;
      return createSimVqCodec(
        { dim, codebookSize: codes, frozenCodebookDim: frozenDim },
        {
          frozen_codebook: { shape: [codes, frozenDim], data: readFloats(work.codebookPath) },
          'code_transform.weight': { shape: [dim, frozenDim], data: readFloats(work.weightPath) },
        },
      );
    }
    case 'residual-vq':
    case 'residual-simvq':
      throw new Error('there is no codec of a residual stack');
  }
}
