import { CheckpointError, decodeNpy, encodeNpy, parseJson } from '@vqkit/checkpoint';
import { integersOf, phrase, shorten, show } from '@vqkit/core-tensor';
import { createTar, parseTar } from 'nanotar';
import { offsetsOf } from './frames.ts';
import type { Stored, StoredFacts, StoredLayout, StoredPart } from './stored.ts';

/** Examples that are packed before their bytes go on. */
const TOGETHER = 256;
const NUMBER_DIGITS = 9;

/**
 * A tar file as webdataset has them: of each example two files of one name, `….npy` with its ids and `….json` with its key, and its samples if it is sound. Nothing in it depends on when it was made.
 */
export async function* tarBlocks(
  { shape, prefix }: StoredLayout,
  parts: AsyncIterable<StoredPart> | Iterable<StoredPart>,
): AsyncGenerator<Uint8Array> {
  const width = shape.reduce((product, length) => product * length, 1);
  let number = 0;
  for await (const { values, keys, sounds } of parts) {
    const rows = sounds === undefined ? undefined : offsetsOf(sounds.frames);
    for (let from = 0; from < keys.length; from += TOGETHER) {
      const to = Math.min(from + TOGETHER, keys.length);
      const files = Array.from({ length: to - from }, (_, i) => {
        const name = `${prefix}${String(number++).padStart(NUMBER_DIGITS, '0')}`;
        const [start, end] = [rows?.[from + i] ?? from + i, rows?.[from + i + 1] ?? from + i + 1];
        const ids = (values as Int32Array).slice(start * width, end * width);
        const samples = sounds === undefined ? {} : { samples: sounds.samples[from + i] };
        const key = JSON.stringify({ key: String(keys[from + i]), ...samples });
        return [
          { name: `${name}.npy`, data: encodeNpy(ids, rows === undefined ? shape : [end - start, ...shape]) },
          { name: `${name}.json`, data: new TextEncoder().encode(key) },
        ];
      }).flat();
      const length = files.reduce((sum, { data }) => sum + BLOCK + Math.ceil(data.length / BLOCK) * BLOCK, 0);
      yield createTar(files, { attrs: { mtime: 0, uid: 0, gid: 0, mode: '644' } }).subarray(0, length);
    }
  }
  yield new Uint8Array(END_BYTES);
}

const BLOCK = 512;
/** Two empty blocks end an archive. */
const END_BYTES = 1024;

export async function readTar(where: string, bytes: Uint8Array, { width: own, sounds }: StoredFacts): Promise<Stored> {
  const parts: Int32Array[] = [];
  const keys: string[] = [];
  // Of each example its ids, then its key, under one name.
  let named: string | undefined;
  let shape: readonly number[] = [];
  // It looks at the whole buffer.
  for (const { name, type, data = new Uint8Array(0) } of parseTar(bytes.slice())) {
    const its = `${where}: ${shorten(name)}`;
    const isNext = named === undefined ? /^\d+-\d+\.npy$/.test(name) : name === `${named}.json`;
    if (!isNext || type !== 'file') {
      const rule = `be the file ${named === undefined ? '….npy of an example' : `${named}.json`}`;
      throw new CheckpointError(where, 'the next member', rule, `${type} ${name}`, 'Encode it again.');
    }
    if (named === undefined) {
      const ids = decodeNpy(data, its);
      ({ shape } = ids);
      const frames = sounds?.frames[parts.length];
      if (sounds !== undefined && (shape.length !== 2 || shape[0] !== frames || shape[1] !== own)) {
        const rule = `have the shape ${show([frames, own])}, as its record says`;
        throw new CheckpointError(its, 'ids', rule, shape, 'Encode it again.');
      }
      parts.push(integersOf(its, 'ids', ids));
      named = name.slice(0, -'.npy'.length);
    } else {
      keys.push(keyOf(its, data, sounds?.samples[keys.length]));
      named = undefined;
    }
  }
  const width = parts[0]?.length ?? 0;
  const isUneven = sounds === undefined && parts.some(({ length }) => length !== width);
  if (parts.length !== keys.length || isUneven) {
    const got = phrase(`${parts.length} and ${keys.length}`, [parts.length, keys.length]);
    const rule = 'have ids of one shape and a key for each example';
    throw new CheckpointError(where, 'the file', rule, got, 'Encode it again.');
  }
  const values = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    values.set(part, at);
    at += part.length;
  }
  return { values, shape: sounds === undefined ? [parts.length, ...shape] : [values.length / own, own], keys };
}

function keyOf(where: string, content: Uint8Array, wanted: number | undefined): string {
  const fail = (rule: string, found: string): CheckpointError =>
    new CheckpointError(where, 'the key', `be ${rule}`, phrase(found), 'Encode it again.');
  const { key, samples } = Object(parseJson(content, fail)) as { key?: unknown; samples?: unknown };
  if (samples !== wanted) throw fail(`of ${wanted ?? 'no'} samples, as its record says`, show(samples));
  if (typeof key === 'string') return key;
  throw fail("an object with the text 'key'", show(key));
}
