/** The tokens of images, and what is known of them. */
export interface Tokens {
  readonly ids: Int32Array;
  /** [images, rows, columns], and the codebooks of a token where it has several. */
  readonly shape: readonly number[];
  /** Position of the first of them where they are a part. Default 0. */
  readonly first?: number | undefined;
  /** Absent in an .npy file. */
  readonly notes?: TokenNotes | undefined;
}

export interface TokenNotes {
  /** SHA-256 of the tokenizer file, in hexadecimal. */
  readonly tokenizer: string;
  readonly codebookSize: number;
  readonly numCodebooks: number;
  /** [height, width, channels]. */
  readonly imageShape: readonly number[];
  /** Paths of the images in the folder that they were read from, in the order of the ids. */
  readonly images?: readonly string[] | undefined;
}
