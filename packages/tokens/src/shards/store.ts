import { CheckpointError } from '@vqkit/checkpoint';
import { phrase, reason } from '@vqkit/core-tensor/errors';

/** Where the files of shards are read from. */
export interface ShardReader {
  /** What errors call it: its path or address. */
  readonly name: string;
  /** The bytes of a file; undefined where there is none of that name. */
  read(file: string): Promise<Uint8Array | undefined>;
}

/**
 * Where shards are kept, for all workers the same: a folder that all of them see ({@link folderStore}), or whatever else can do these three things.
 * Nothing is listed, locked, appended or deleted, so that object storage needs a read, a read of a range and a write of a whole object, and no more.
 */
export interface ShardStore extends ShardReader {
  /** The bytes of a file from `begin` up to `end`; fewer where it ends before, undefined where there is none. */
  readRange(file: string, begin: number, end: number): Promise<Uint8Array | undefined>;
  /** Writes a whole file or nothing, over one of that name; whoever reads at the same time has the old bytes or the new. */
  write(file: string, content: string | Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void>;
}

/**
 * Shards behind an address, read by `fetch`, in a page as in Node.
 *
 * @param url of the folder, such as `https://example.org/ids/`.
 * @example
 * for await (const { ids } of (await openShards(urlReader('https://example.org/ids/'))).blocks()) console.log(ids.length);
 */
export function urlReader(url: string): ShardReader {
  const folder = url.endsWith('/') ? url : `${url}/`;
  return {
    name: url,
    async read(file) {
      const response = await fetch(`${folder}${file}`).catch((error: unknown) => {
        throw new CheckpointError(
          'urlReader',
          `${folder}${file}`,
          'be reachable',
          phrase(`no answer (${reason(error).text})`),
          'Check the address, and that the server lets this page read from it (Access-Control-Allow-Origin).',
          { cause: error },
        );
      });
      if (response.status === 404) return undefined;
      if (!response.ok) {
        throw new CheckpointError(
          'urlReader',
          `${folder}${file}`,
          'be readable',
          phrase(`status ${response.status}`),
          'Check the address and the rights.',
        );
      }
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}
