import { provideKernel } from '@vqkit/core-tensor';
import { fsqEncode, fsqQuantize } from './fsq-quantize.ts';
import { nearestCodeExact } from './nearest-code-exact.ts';
import { signEncode, signQuantize } from './sign-quantize.ts';

/** Gives native TensorFlow its versions of vqkit's kernels. */
export function provideKernels(): void {
  provideKernel('tensorflow', 'FsqEncode', fsqEncode);
  provideKernel('tensorflow', 'FsqQuantize', fsqQuantize);
  provideKernel('tensorflow', 'NearestCodeExact', nearestCodeExact);
  provideKernel('tensorflow', 'SignEncode', signEncode);
  provideKernel('tensorflow', 'SignQuantize', signQuantize);
}
