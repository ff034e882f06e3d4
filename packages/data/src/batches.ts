import { createRng } from '@vqkit/core-tensor';

/** The order of the training images: a pure function of the seed, so that the number of steps done is all there is to resume. */
export interface BatchOrder {
  readonly batchesPerEpoch: number;
  /** Positions of the images of a step, counted from 0. */
  at(step: number): Int32Array;
}

/**
 * Every epoch is a new random order of all images, a function of (seed, epoch) alone. Its last batch is smaller when batchSize
 * does not divide the count; it is used, as PyTorch's DataLoader does by default.
 */
export function createBatchOrder(options: {
  count: number;
  batchSize: number;
  seed: number;
  /** So many neighbours are drawn together, as a file gives them best. Default 1. */
  together?: number | undefined;
}): BatchOrder {
  const { count, batchSize, seed } = options;
  const together = Math.min(options.together ?? 1, batchSize);
  const groups = Math.ceil(count / together);
  const perBatch = Math.ceil(batchSize / together);
  const batchesPerEpoch = Math.ceil(groups / perBatch);
  let epoch = -1;
  let order: Int32Array = new Int32Array(0);
  return {
    batchesPerEpoch,
    at: (step) => {
      const wanted = Math.floor(step / batchesPerEpoch);
      if (wanted !== epoch) {
        epoch = wanted;
        order = createRng(seed).fork(`epoch ${epoch}`).permutation(groups);
      }
      const start = (step % batchesPerEpoch) * perBatch;
      const drawn = order.slice(start, start + perBatch);
      if (together === 1) return drawn;
      const members = (group: number): number[] =>
        Array.from({ length: Math.min(together, count - group * together) }, (_, i) => group * together + i);
      return Int32Array.from([...drawn].flatMap(members));
    },
  };
}
