import { DataError } from '@vqkit/core-tensor';

/** A loss, a gradient or a weight became NaN or infinite. The run folder keeps the last good checkpoint and the reason. */
export class DivergenceError extends DataError {
  override name = 'DivergenceError';
  /** The tensor that was not finite, such as `gradient encoder.conv1.weight`. */
  readonly tensor: string;
  /** Steps done before the one that failed. */
  readonly step: number;

  constructor(message: string, tensor: string, step: number) {
    super(message);
    this.tensor = tensor;
    this.step = step;
  }
}
