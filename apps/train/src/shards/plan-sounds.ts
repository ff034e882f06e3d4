import { resolve } from 'node:path';
import { DataError, OptionError, phrase } from '@vqkit/core-tensor';
import { nameSounds } from '@vqkit/data/node';
import type { AudioTokenizerConfig } from '@vqkit/tokenizer';
import { digestOf } from '@vqkit/tokens';
import { type Described, listNames, type Target } from './names.ts';
import type { ShardOptions } from './options.ts';

/** Options that are of other data. */
const NOT_OF_SOUND = ['data', 'part', 'imageSize', 'fit', 'column', 'keyColumn'] as const;

export async function describeSounds(
  where: string,
  { channels }: AudioTokenizerConfig,
  options: ShardOptions & { readonly shards: number },
  target: Target,
  warn: (message: string) => void,
): Promise<Described> {
  for (const name of NOT_OF_SOUND) {
    if (options[name] === undefined) continue;
    throw new OptionError(where, name, 'not be given with sounds', options[name], 'Leave it out.');
  }
  const { batchSize = 1 } = options;
  if (batchSize !== 1) {
    throw new OptionError(where, 'batchSize', 'be 1 for sounds, each of its own length', batchSize, 'Leave it out.');
  }
  const paths = soundPaths(where, options);
  const found = nameSounds(where, paths, ({ file, reason }) => warn(`${file}: ${reason}`));
  const { count, names } = await listNames(target, options.shards, found);
  if (count === 0) {
    const rule = 'hold at least one WAV, FLAC, Ogg or MP3, or a tar of them';
    throw new DataError(where, paths.join(', '), rule, phrase('none'), 'Point to a folder of sounds.');
  }
  return {
    examples: count,
    shape: [channels],
    keys: 'texts',
    names,
    source: {
      options: { data: 'sounds' },
      order: 'by path',
      sha256: digestOf(names.map(({ sha256 }) => sha256).join('\n')),
      paths: paths.map((path) => resolve(path)),
    },
  };
}

export function soundPaths(where: string, { paths = [], dataPath }: ShardOptions): readonly string[] {
  const given = [...paths, ...(dataPath === undefined ? [] : [dataPath])];
  if (given.length > 0) return given;
  const rule = 'be recordings, or folders or tars of them';
  throw new OptionError(where, 'paths', rule, phrase('none'), 'Pass one.');
}
