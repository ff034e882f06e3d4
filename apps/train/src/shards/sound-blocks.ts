import { letSignalsIn } from '@vqkit/data';
import { keyOfSound, type SoundName, type SoundRead, type SoundSource } from '@vqkit/data/node';
import type { AudioTokenizer } from '@vqkit/tokenizer';
import { encodeSound, whyNot } from '../tokens/encode-sound.ts';
import type { EncodedBatch } from './id-blocks.ts';

/** Recordings, and ids, of a block. */
const MOST_SOUNDS = 256;
const MOST_IDS = 2 ** 20;

/**
 * Encodes recordings one at a time, for each has a length of its own; the next one is read while the engine works on this one.
 *
 * @param first the position of the first in the whole source.
 * @throws Interrupted when the signal is aborted.
 */
export async function* soundBlocks(
  model: AudioTokenizer,
  { read }: SoundSource,
  names: readonly SoundName[],
  { first, signal }: { readonly first: number; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<EncodedBatch & { readonly samples: readonly number[] }> {
  const { sampleRate, channels } = model.config;
  const readAt = (i: number): Promise<SoundRead> => {
    const found = read(names[i] as SoundName);
    // Nobody awaits it where the one before fails.
    found.catch(() => undefined);
    return found;
  };
  let next = readAt(0);
  let held = emptyBlock();
  for (const [i, name] of names.entries()) {
    await letSignalsIn(signal);
    const found = await next;
    if (i + 1 < names.length) next = readAt(i + 1);
    const key = keyOfSound(name);
    const samples = 'samples' in found ? found.samples.length / channels : 0;
    const problem = 'samples' in found ? whyNot(samples, sampleRate) : undefined;
    if (!('samples' in found)) held.skipped.push({ position: first + i, name: key, ...found });
    else if (problem !== undefined) held.skipped.push({ position: first + i, name: key, reason: problem });
    else {
      const ids = await encodeSound(model, found.samples);
      held.parts.push(ids);
      held.ids += ids.length;
      held.samples.push(samples);
      held.keys.push(key);
    }
    const isLast = i + 1 === names.length;
    if (!isLast && held.keys.length + held.skipped.length < MOST_SOUNDS && held.ids < MOST_IDS) continue;
    const { parts, keys, skipped } = held;
    const ids = new Int32Array(held.ids);
    let at = 0;
    for (const part of parts) {
      ids.set(part, at);
      at += part.length;
    }
    yield { ids, keys, samples: held.samples, skipped, done: i + 1 };
    held = emptyBlock();
  }
}

interface Held {
  readonly parts: Int32Array[];
  ids: number;
  readonly samples: number[];
  readonly keys: string[];
  readonly skipped: EncodedBatch['skipped'][number][];
}

function emptyBlock(): Held {
  return { parts: [], ids: 0, samples: [], keys: [], skipped: [] };
}
