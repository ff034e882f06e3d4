/** What one process does: encode a folder of pictures into shards by so many workers. */
export interface WorkersTask {
  readonly pictures: string;
  readonly tokenizer: string;
  /** The folder of the shards. */
  readonly out: string;
  readonly workers: number;
  readonly shards: number;
  readonly batchSize: number;
}

/** What it found. */
export interface WorkersRate {
  /** Pictures per second, from a tenth of the pictures to nine tenths: without start and end. */
  readonly perSecond: number;
  /** Of a peer: the share of ids that are those of vqkit. */
  readonly same?: number | undefined;
}
