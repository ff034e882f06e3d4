import type { Html } from './html.ts';
import type { Run } from './read-run.ts';

/** A row of the table that has the runs side by side. */
export interface Row {
  readonly title: string;
  readonly hint: string;
  readonly cell: (run: Run) => Html;
  /** What is better, where one can say so; the best of several runs is set in bold. */
  readonly better?: 'lower' | 'higher';
  readonly value?: (run: Run) => number | null;
}
