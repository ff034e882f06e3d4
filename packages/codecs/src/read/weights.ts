import { CheckpointError, type SafeTensor, safetensorOf } from '@vqkit/checkpoint';
import { phrase } from '@vqkit/core-tensor/errors';
import { openNpz } from './npz.ts';
import { openOnnx } from './onnx.ts';
import type { OpenFile } from './open-file.ts';
import { openSafetensors } from './safetensors.ts';
import { type Source, type SourceLike, sourceOf } from './source.ts';
import { openTorch } from './torch.ts';
import { openZip } from './zip.ts';

/** A file of weights whose tensors are read one by one, when they are asked for. */
export interface Weights {
  readonly format: 'safetensors' | 'torch' | 'npz' | 'onnx';
  /** What to call the file in errors. */
  readonly name: string;
  /** Its tensors by name; where dictionaries nest, the names of all levels joined by dots. */
  readonly tensors: OpenFile['tensors'];
  /** Reads one tensor; half floats stay bits. */
  read(name: string): Promise<SafeTensor>;
}

/**
 * Opens a file of weights: .safetensors; .pt, .pth, .ckpt and .bin of PyTorch (1.6 or newer); .npz; the initialisers of .onnx. Only its table of contents is read.
 *
 * Nothing of a file is executed or believed: a pickle is read by an interpreter that knows tensors, containers, numbers and strings, and
 * holds any other object as a name; no tensor takes more memory than the file has bytes, and a compressed one at most 16 times its own.
 *
 * @param fileName what to call it in errors.
 * @throws CheckpointError when it is something else, damaged or hostile: naming the file, what must hold and what was found.
 * @example
 * const weights = await openWeights(bytes, 'model.pt');
 * for (const [name, { dtype, shape }] of weights.tensors) console.log(name, dtype, shape);
 */
export async function openWeights(data: SourceLike, fileName?: string): Promise<Weights> {
  const source = sourceOf(data, fileName);
  const start = await source.read(0, Math.min(8, source.size));
  const format = await formatOf(source, start);
  return weightsOf(format.name, source, format.file);
}

/** The same of a file that is .safetensors. */
export async function openSafetensorsWeights(data: SourceLike, fileName?: string): Promise<Weights> {
  const source = sourceOf(data, fileName);
  return weightsOf('safetensors', source, await openSafetensors(source));
}

function weightsOf(format: Weights['format'], { name }: Source, { tensors, readBytes }: OpenFile): Weights {
  return {
    format,
    name,
    tensors,
    async read(key) {
      const info = tensors.get(key);
      if (info !== undefined) return safetensorOf(key, info, await readBytes(key), name);
      throw new CheckpointError('openWeights().read', 'name', `be a tensor of ${name}`, key, 'See its tensors.');
    },
  };
}

async function formatOf(source: Source, start: Uint8Array): Promise<{ name: Weights['format']; file: OpenFile }> {
  const [a = 0, b = 0, c = 0] = start;
  if (a === 0x50 && b === 0x4b) {
    const zip = await openZip(source);
    const isNpz = zip.entries.size > 0 && [...zip.entries.keys()].every((name) => name.endsWith('.npy'));
    return isNpz ? { name: 'npz', file: await openNpz(zip) } : { name: 'torch', file: await openTorch(zip) };
  }
  // The version of ONNX's format, a small number, where safetensors has the high bytes of a length.
  if (a === 0x08 && start.subarray(4).some((byte) => byte !== 0)) return { name: 'onnx', file: await openOnnx(source) };
  // Protocol 2, and the magic number of torch.save before 1.6, or a bare pickle.
  if (a === 0x80 && b >= 2 && b <= 5 && c !== 0) {
    throw new CheckpointError(
      'openWeights',
      source.name,
      'be a zip archive of PyTorch 1.6 or newer',
      phrase('a bare pickle'),
      'Load it in PyTorch and torch.save it again.',
    );
  }
  return { name: 'safetensors', file: await openSafetensors(source) };
}
