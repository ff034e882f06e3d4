import { OptionError, requireOption } from '@vqkit/core-tensor';
import type { RowKeys } from '@vqkit/rows';
import { framesOf, offsetsOf, partOf, type SoundParts } from './frames.ts';
import { idsPerExample, MOST_IDS, type ShardManifest, type SoundPlan, storedShape } from './manifest.ts';
import { packIds } from './pack.ts';
import type { SkippedExample } from './record.ts';
import type { StoredPart } from './stored.ts';

/** The ids of some consecutive examples. */
export interface IdBlock {
  /** [keys.length, …tokenShape]; of recordings [frames of all, codebooks]. */
  readonly ids: Int32Array;
  /** Of recordings: the samples of each, of one channel. */
  readonly samples?: readonly number[] | undefined;
  /** One per example that has ids. */
  readonly keys: RowKeys;
  readonly skipped?: readonly SkippedExample[] | undefined;
}

/** The values of a shard as they are stored, block after block. */
export interface Values {
  /** Ids that a block must have. */
  idsOf(block: IdBlock): number;
  add(block: IdBlock): void;
  all(): { readonly values: Int32Array | Uint8Array; readonly sounds?: SoundParts };
  /** Values of an example, or of a row of a recording. */
  readonly width: number;
  rows(): number;
}

/** Of examples that have one number of ids, at most so many. */
export function fixedValues(manifest: ShardManifest, most: number): Values {
  const { packed, codebookSize } = manifest;
  const perExample = idsPerExample(manifest);
  const width = storedShape(manifest).reduce((product, length) => product * length, 1);
  const values = packed ? new Uint8Array(most * width) : new Int32Array(most * width);
  let examples = 0;
  return {
    width,
    idsOf: ({ keys }) => keys.length * perExample,
    add({ ids, keys }) {
      values.set(packed ? packIds(ids, perExample, codebookSize) : ids, examples * width);
      examples += keys.length;
    },
    all: () => ({ values: values.subarray(0, examples * width) }),
    rows: () => examples,
  };
}

/** Of recordings, whose ids lie end to end; packed, each has whole bytes. */
export function soundValues(
  where: string,
  { packed, codebookSize, numCodebooks }: ShardManifest,
  sound: SoundPlan,
): Values {
  const width = packed ? 1 : numCodebooks;
  const frames: number[] = [];
  const samples: number[] = [];
  const parts: (Int32Array | Uint8Array)[] = [];
  let [ids, length] = [0, 0];
  const requireSamples = ({ samples: own = [], keys }: IdBlock): readonly number[] => {
    const isWhole = own.length === keys.length && own.every((count) => Number.isSafeInteger(count) && count >= 1);
    const rule = `be an integer >= 1 for each of the ${keys.length} recordings`;
    if (!isWhole) throw new OptionError(where, 'samples', rule, own, 'Leave out what has none.');
    return own;
  };
  return {
    width,
    idsOf: (block) => (offsetsOf(framesOf(requireSamples(block), sound)).at(-1) as number) * numCodebooks,
    add(block) {
      const own = framesOf(block.samples ?? [], sound);
      ids += block.ids.length;
      const fits = ids <= MOST_IDS;
      requireOption(fits, where, 'shards', `have at most ${MOST_IDS} ids each`, ids, 'Plan more shards.');
      const offsets = offsetsOf(own);
      const added = packed
        ? own.map((count, n) => {
            const from = (offsets[n] as number) * numCodebooks;
            return packIds(block.ids.subarray(from, from + count * numCodebooks), count * numCodebooks, codebookSize);
          })
        : [block.ids];
      for (const part of added) {
        parts.push(part);
        length += part.length;
      }
      for (const [n, count] of own.entries()) {
        frames.push(count);
        samples.push(block.samples?.[n] as number);
      }
    },
    all() {
      const values = packed ? new Uint8Array(length) : new Int32Array(length);
      let at = 0;
      for (const part of parts) {
        values.set(part, at);
        at += part.length;
      }
      return { values, sounds: { frames, samples } };
    },
    rows: () => length / width,
  };
}

/** Rows of a row group of parquet, and values of one of recordings. */
const PART = 4096;
const PART_VALUES = 2 ** 20;

/** A shard, or a part of it, in parts of a size that a file's writer holds. Packed recordings are one part. */
export function* storedParts({ values, keys, sounds }: StoredPart, width: number): Generator<StoredPart> {
  if (sounds !== undefined && values instanceof Uint8Array) {
    yield { values, keys, sounds };
    return;
  }
  const offsets = sounds && offsetsOf(sounds.frames);
  const at = (n: number): number => (offsets === undefined ? n : (offsets[n] as number)) * width;
  for (let from = 0; from < keys.length; ) {
    let to = offsets === undefined ? Math.min(from + PART, keys.length) : from + 1;
    while (to < Math.min(from + PART, keys.length) && at(to + 1) - at(from) <= PART_VALUES) to++;
    const part = { values: values.subarray(at(from), at(to)), keys: keys.slice(from, to) };
    yield sounds === undefined ? part : { ...part, sounds: partOf(sounds, from, to) };
    from = to;
  }
}
