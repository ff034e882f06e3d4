import { provideKernel } from '@vqkit/core-tensor';
import { fsqQuantize } from './fsq-quantize.ts';
import { signQuantize } from './sign-quantize.ts';

/** Gives native TensorFlow its versions of vqkit's kernels. */
export function provideKernels(): void {
  provideKernel('tensorflow', 'FsqQuantize', fsqQuantize);
  provideKernel('tensorflow', 'SignQuantize', signQuantize);
}
