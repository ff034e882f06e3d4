import { decodeSafetensors } from '@vqkit/checkpoint';
import { readBytes, readSafetensors } from '@vqkit/checkpoint/node';
import { isFolder } from '@vqkit/data/node';
import { type ImageTokenizer, loadImageTokenizer } from '@vqkit/tokenizer';
import { newestCheckpoint } from './run-folder.ts';
import { isCheckpoint, tokenizerOf } from './training-state.ts';

/**
 * The bytes of a tokenizer file, as `vqkit export` writes them: of a run from its newest checkpoint, of a checkpoint, or those of the
 * file itself when it is one already. Starts no engine. Equal weights give equal bytes.
 *
 * @param path a run folder, one of its checkpoints, or a tokenizer file.
 * @throws OptionError when the folder holds no run with a checkpoint; CheckpointError when the file is missing or damaged.
 * @example
 * await writeFileAtomic('digits.safetensors', await readTokenizer('runs/mnist-fsq-1234'));
 */
export async function readTokenizer(path: string): Promise<Uint8Array> {
  const file = (await isFolder(path)) ? await newestCheckpoint(path) : path;
  const bytes = await readBytes(file);
  return isCheckpoint(decodeSafetensors(bytes, file)) ? tokenizerOf(file, await readSafetensors(file)) : bytes;
}

/**
 * Makes the tokenizer of a run, a checkpoint or a tokenizer file. Start an engine first, dispose the tokenizer at the end.
 *
 * @throws OptionError or CheckpointError, as {@link readTokenizer}, and when the file is not a tokenizer.
 * @example
 * const tokenizer = await loadTokenizer('runs/mnist-fsq-1234');
 */
export async function loadTokenizer(path: string): Promise<ImageTokenizer> {
  return loadImageTokenizer(await readTokenizer(path), path);
}
