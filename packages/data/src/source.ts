/**
 * Examples in a fixed order that are read in blocks, so that a source of any size passes through little memory and a part of it is a range.
 * What a block is goes by the kind of data: pictures, or rows of numbers with their keys.
 */
export interface Source<Block> {
  /** How many there are, unreadable ones too. */
  readonly count: number;
  /** Those from `from` up to `to`. */
  read(from: number, to: number, signal?: AbortSignal): Promise<Block>;
}
