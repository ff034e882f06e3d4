import type { DataName, DataNotes, Dataset, DatasetOptions } from '@vqkit/data/node';
import type { Modality } from '@vqkit/training';

/** A kind of data as the harness asks for it: the core's half (tensor and score), and how examples are read and shown. */
export interface HarnessModality extends Modality {
  /** The values of the option `data` that are of this kind. */
  readonly data: readonly DataName[];
  /** Training, validation and test examples. */
  read(options: DatasetOptions, signal?: AbortSignal): Promise<Dataset>;
  /** By what a resumed run knows its examples again. */
  notes(data: Dataset): DataNotes;
  /** Writes the examples of the test and what was made of them into a finished run's folder. */
  show(runFolder: string): Promise<void>;
}
