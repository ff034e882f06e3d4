import { QuantizerError } from '@vqkit/core-tensor/errors';

/** A checkpoint cannot be written, or a file is not a whole and valid checkpoint. */
export class CheckpointError extends QuantizerError {
  override name = 'CheckpointError';
}
