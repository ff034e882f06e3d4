import factory from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js';
import { startThreadedBuild, type ThreadedFactory, type ThreadedModule } from './threaded-build.ts';

const FILE = 'tfjs-backend-wasm-threaded-simd.wasm';

/** @param wasmPaths where the .wasm files are served; default beside the page's script. */
export function loadSharedModule(wasmPaths: string | undefined): Promise<ThreadedModule> {
  return startThreadedBuild(factory as unknown as ThreadedFactory, FILE, `${wasmPaths ?? ''}${FILE}`);
}
