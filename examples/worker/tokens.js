import { tensor2d } from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { loadKernels } from '@vqkit/backend-wasm/codec';
import { createFsq } from '@vqkit/fsq';
import { createFsqCodec } from '@vqkit/fsq/codec';

// 64 vectors of 4 features, such as an encoder gives.
const levels = [8, 5, 5, 5];
const vectors = Float32Array.from({ length: 64 * levels.length }, (_, i) => 2 * Math.sin(i * i));

/** Their token ids, by tensors and by typed arrays alone: the same. */
export async function tokens() {
  const { threads } = await init();
  const fsq = createFsq({ levels });
  const ids = await fsq.encode(tensor2d(vectors, [64, levels.length])).data();
  fsq.dispose();
  const codec = createFsqCodec({ levels }, { kernels: await loadKernels() });
  return { threads, ids: [...ids], codec: [...codec.encode(vectors)] };
}
