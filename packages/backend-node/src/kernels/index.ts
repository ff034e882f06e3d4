import { loadKernels } from '@vqkit/backend-wasm/codec';
import { provideKernel, provideReductionGradients } from '@vqkit/core-tensor';
import { fsqEncode, fsqQuantize } from './fsq-quantize.ts';
import { createNearestCodeExact } from './nearest-code-exact.ts';
import { realDft, realDftGrad } from './real-dft.ts';
import { signEncode, signQuantize } from './sign-quantize.ts';

/** Gives native TensorFlow its versions of vqkit's kernels. */
export async function provideKernels(): Promise<void> {
  // Where WebAssembly has no SIMD, plain loops do.
  const codecKernels = await loadKernels().catch(() => undefined);
  provideReductionGradients();
  provideKernel('tensorflow', 'FsqEncode', fsqEncode);
  provideKernel('tensorflow', 'FsqQuantize', fsqQuantize);
  provideKernel('tensorflow', 'NearestCodeExact', createNearestCodeExact(codecKernels));
  provideKernel('tensorflow', 'RealDft', realDft);
  provideKernel('tensorflow', 'RealDftGrad', realDftGrad);
  provideKernel('tensorflow', 'SignEncode', signEncode);
  provideKernel('tensorflow', 'SignQuantize', signQuantize);
}
