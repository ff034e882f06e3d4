import { phrase, show } from '@vqkit/core-tensor/errors';
import { CheckpointError } from './errors.ts';
import { encodeSafetensors, type SafeFile } from './safetensors.ts';

/** The note of a safetensors file that holds its checksum. */
export const CHECKSUM = 'vqkit.sha256';

/** SHA-256 in hexadecimal, by whatever computes it here. */
export type Sha256 = (bytes: Uint8Array) => string;

/**
 * The checksum of a safetensors file: of what it says, not of its bytes, so that whoever writes the same again has the same sum. It is the
 * SHA-256 of the file without the note {@link CHECKSUM}.
 */
export function checksumOf({ tensors, metadata }: SafeFile, sha256: Sha256): string {
  const { [CHECKSUM]: _, ...notes } = metadata;
  return sha256(encodeSafetensors(tensors, notes));
}

/**
 * Throws unless a file has the content of its checksum: one flipped bit is found. A file without one passes.
 *
 * @param where the function that was called, and `source` the file, for errors.
 * @throws CheckpointError
 * @example
 * requireChecksum('readSafetensors', 'step-100.safetensors', decodeSafetensors(bytes), sha256);
 */
export function requireChecksum(where: string, source: string, file: SafeFile, sha256: Sha256): void {
  const { [CHECKSUM]: expected } = file.metadata;
  if (expected === undefined) return;
  const actual = checksumOf(file, sha256);
  if (expected === actual) return;
  const rule = `have the content of its checksum ${show(expected)}`;
  const got = phrase(`that of ${show(actual)}`, actual);
  throw new CheckpointError(where, source, rule, got, 'The file is damaged; use another copy.');
}
