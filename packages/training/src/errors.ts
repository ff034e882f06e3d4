import { DataError } from '@vqkit/core-tensor';

/** A loss, a gradient or a weight became NaN or infinite. The run folder keeps the last good checkpoint and the reason. */
export class DivergenceError extends DataError {
  override name = 'DivergenceError';
  /** The tensor that was not finite, such as `gradient encoder.conv1.weight`. */
  readonly tensor: string;
  /** Steps done before the one that failed. */
  readonly step: number;

  /** @param value what the tensor holds that is not finite. */
  constructor(where: string, tensor: string, value: unknown, fix: string, step: number) {
    super(where, tensor, 'be finite', value, fix);
    this.tensor = tensor;
    this.step = step;
  }
}
