import { createRequire } from 'node:module';
import { startThreadedBuild, type ThreadedFactory, type ThreadedModule } from './threaded-build.ts';

const THREADED = '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd';

/** tfjs-backend-wasm's build for shared memory, which tfjs itself does not offer in Node. */
export function loadSharedModule(_wasmPaths: string | undefined): Promise<ThreadedModule> {
  const require = createRequire(import.meta.url);
  const factory = require(`${THREADED}.js`) as ThreadedFactory;
  return startThreadedBuild(factory, `${THREADED}.js`, require.resolve(`${THREADED}.wasm`));
}
