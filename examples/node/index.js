import { tensor2d } from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { loadKernels } from '@vqkit/backend-wasm/codec';
import { createFsq } from '@vqkit/fsq';
import { createFsqCodec } from '@vqkit/fsq/codec';

// 64 vectors of 4 features, such as an encoder gives.
const levels = [8, 5, 5, 5];
const vectors = Float32Array.from({ length: 64 * levels.length }, (_, i) => 2 * Math.sin(i * i));

const { threads } = await init(); // TensorFlow.js on WebAssembly
const fsq = createFsq({ levels });
const ids = await fsq.encode(tensor2d(vectors, [64, levels.length])).data();
fsq.dispose();

// The same ids from typed arrays alone, without TensorFlow.js.
const codec = createFsqCodec({ levels }, { kernels: await loadKernels() });
console.log(JSON.stringify({ threads, ids: [...ids], codec: [...codec.encode(vectors)] }));
process.exit(0); // The engine's threads would wait for more.
