import { show } from '@vqkit/core-tensor/errors';

/** More than any file of ours nests, and little enough for whatever walks through the values. */
const MOST_NESTED = 64;

/**
 * The value of a JSON text from elsewhere. Beyond `JSON.parse` it refuses a key that an object has twice, of which that would silently
 * keep the last, and values nested more than 64 deep, on which code that walks through them could overflow the stack. It takes time in
 * proportion to the text.
 *
 * @param json the text, or its bytes in UTF-8.
 * @param failure makes the error from the rule that is broken and what was found.
 * @throws what `failure` gives.
 * @example
 * const config = parseJson(text, (rule, found) => new Error(`config.json must be ${rule}, got ${found}. Write it again.`));
 */
export function parseJson(json: string | Uint8Array, failure: (rule: string, found: string) => Error): unknown {
  let text: string;
  let value: unknown;
  try {
    text = typeof json === 'string' ? json : new TextDecoder('utf-8', { fatal: true }).decode(json);
    value = JSON.parse(text);
  } catch (error) {
    throw failure('JSON in UTF-8', (error as Error).message);
  }
  const problem = firstProblem(text);
  if (problem !== undefined) throw failure(...problem);
  return value;
}

/** What a valid JSON text has that is refused: the rule and what was found. */
function firstProblem(json: string): readonly [rule: string, found: string] | undefined {
  // The keys of every object that is open; undefined for a list.
  const open: (Set<string> | undefined)[] = [];
  let string: [start: number, end: number] = [0, 0];
  for (let at = 0; at < json.length; at++) {
    const char = json[at];
    if (char === '"') {
      const start = at++;
      while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
      string = [start, at + 1];
    } else if (char === '{' || char === '[') {
      if (open.length === MOST_NESTED) return [`JSON nested at most ${MOST_NESTED} deep`, 'deeper'];
      open.push(char === '{' ? new Set() : undefined);
    } else if (char === '}' || char === ']') {
      open.pop();
    } else if (char === ':') {
      const key = JSON.parse(json.slice(...string)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return ['JSON with every key once', `${show(key)} twice`];
      keys?.add(key);
    }
  }
  return undefined;
}
