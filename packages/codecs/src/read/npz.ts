import { decodeNpyHeader, NPY_HEADER_BYTES, type NpyHeader } from '@vqkit/checkpoint';
import type { OpenFile } from './open-file.ts';
import type { Zip } from './zip.ts';

/** The arrays of `numpy.savez` and `savez_compressed`, named without `.npy`. */
export async function openNpz(zip: Zip): Promise<OpenFile> {
  const tensors = new Map<string, NpyHeader>();
  for (const [member, { size }] of zip.entries) {
    const start = await zip.read(member, 0, Math.min(size, NPY_HEADER_BYTES));
    tensors.set(member.slice(0, -'.npy'.length), decodeNpyHeader(start, size, `${zip.name}: ${member}`));
  }
  return {
    tensors,
    async readBytes(name) {
      const member = `${name}.npy`;
      return zip.read(member, tensors.get(name)?.start ?? 0, zip.entries.get(member)?.size ?? 0);
    },
  };
}
