import { counted } from '@vqkit/schema';
import { significant } from './format.ts';
import type { Run } from './read-run.ts';

/** Of the test examples. */
export function tokensPerExample({ data: { summary } }: Run): number {
  return summary.test.codes.tokens / summary.testExamples;
}

/** `49 tokens`: of an example. */
export function tokensText(run: Run): string {
  return many(tokensPerExample(run), 'token');
}

/** `392 (301)`: log₂ K for every id, and the entropy of the codes. */
export function bitsText(run: Run): string {
  const { codebookSize, numCodebooks, bitsPerToken } = run.data.summary.test.codes;
  const tokens = tokensPerExample(run);
  return `${significant(tokens * numCodebooks * Math.log2(codebookSize), 4)} (${significant(tokens * bitsPerToken, 4)})`;
}

/** `1 token`, `12 345 tokens`. */
export function many(count: number, noun: string): string {
  return counted(count, noun, significant(count, 9));
}
