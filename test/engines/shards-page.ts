// What shards.test.ts bundles and runs in a page: the reader of shards, and nothing else.
import { countTokens, openShards, tokenReport, urlReader } from '@vqkit/tokens/reader';

/** What a page has read of a folder. */
export interface Read {
  readonly ids: readonly number[];
  readonly keys: readonly string[];
  readonly positions: readonly number[];
  readonly perplexity: number | undefined;
}

/** What the page offers to the tests, as `shards`. */
export interface ShardsPage {
  read(url: string, range: { readonly from?: number; readonly to?: number }): Promise<Read>;
}

const shards: ShardsPage = {
  async read(url, range) {
    const opened = await openShards(urlReader(url));
    const all: { ids: number[]; keys: string[]; positions: number[] } = { ids: [], keys: [], positions: [] };
    for await (const { ids, keys, positions } of opened.blocks(range)) {
      all.ids.push(...ids);
      all.keys.push(...Array.from(keys, String));
      all.positions.push(...positions);
    }
    const { codebookSize, numCodebooks } = opened.manifest;
    const use = tokenReport(countTokens(Int32Array.from(all.ids), { examples: 1, numCodebooks }), codebookSize);
    return { ...all, perplexity: use[0]?.perplexity };
  },
};

Object.assign(globalThis, { shards });
