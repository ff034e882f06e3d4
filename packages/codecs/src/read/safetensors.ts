import { readSafetensorsHeader } from '@vqkit/checkpoint';
import type { OpenFile } from './open-file.ts';
import type { Source } from './source.ts';

/** Reads the header; tensors come one by one. */
export async function openSafetensors(source: Source): Promise<OpenFile> {
  const tensors = new Map(Object.entries((await readSafetensorsHeader(source)).tensors));
  return {
    tensors,
    async readBytes(name) {
      const { begin, end } = tensors.get(name) ?? { begin: 0, end: 0 };
      return source.read(begin, end);
    },
  };
}
