import type { SoundSet } from '@vqkit/data';
import type { Tokenizer } from '@vqkit/tokenizer';
import type { AudioShown } from '../../report-data.ts';

/** Root mean square of a token's samples below which it counts as silence, -60 dB of full scale. */
const SILENCE = 1e-3;

interface UseMeter {
  /** The ids of so many segments from the one at `first` on. */
  add(ids: Int32Array, first: number, segments: number): void;
  report(): Pick<AudioShown, 'silence' | 'sound'>;
}

/** How the codes of the first codebook are used in silence and in sound, apart. */
export function createUseMeter({ numCodebooks }: Tokenizer, set: SoundSet, hop: number): UseMeter {
  const [samples = 0, channels = 1] = set.shape;
  const frames = samples / hop;
  const uses = { silence: new Map<number, number>(), sound: new Map<number, number>() };
  const report = (counts: ReadonlyMap<number, number>) => {
    const tokens = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const entropy = [...counts.values()].reduce((sum, count) => sum - (count / tokens) * Math.log(count / tokens), 0);
    return { tokens, used: counts.size, perplexity: tokens === 0 ? 0 : Math.exp(entropy) };
  };
  return {
    add(ids, first, segments) {
      const values = set.batch(Int32Array.from({ length: segments }, (_, i) => first + i));
      const perToken = hop * channels;
      for (let token = 0; token < segments * frames; token++) {
        let energy = 0;
        for (let i = token * perToken; i < (token + 1) * perToken; i++) energy += (values[i] as number) ** 2;
        const counts = Math.sqrt(energy / perToken) < SILENCE ? uses.silence : uses.sound;
        const id = ids[token * numCodebooks] as number;
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
    },
    report: () => ({ silence: report(uses.silence), sound: report(uses.sound) }),
  };
}
