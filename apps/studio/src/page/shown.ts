/** A run or a tokenizer that the server shows. */
export interface Shown {
  readonly name: string;
  readonly isRun: boolean;
}

/** What the server shows. A static page has no such list. */
export async function readShown(): Promise<readonly Shown[]> {
  const response = await fetch('shown.json').catch(() => undefined);
  if (response?.ok !== true) return [];
  const listed: unknown = await response.json().catch(() => undefined);
  if (!Array.isArray(listed)) return [];
  return listed.map((each) => ({ name: String(each?.name), isRun: each?.isRun === true }));
}
