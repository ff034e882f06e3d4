import { requireBoolean, requireInteger, requireKnownOptions, requireOption } from '@vqkit/core-tensor/check';
import { type Cell, createLayout, type IdLayout, type Layers, type Padding, requireOneRate } from './layout.ts';

export interface DelayOptions {
  /** By how many frames each layer is late. Default: 0, 1, 2, … */
  readonly delays?: readonly number[];
  /** The token before the first id of a layer. Default: the number of its codes. */
  readonly begin?: number;
  /** The token after its last id. Default: the same. */
  readonly end?: number;
  /** Whether every layer ends with `end`, also the last one: a row more. Default: false. */
  readonly closed?: boolean;
  readonly padding?: Padding;
}

/**
 * The delay pattern: a row of tokens at a time, one of each layer, of which layer k is k frames late. Tokens are [rows, layers]; ids are tokens, the
 * same ones in all layers. The first row has no ids.
 *
 * ```
 * B a₁ a₂ a₃ E
 * B B  b₁ b₂ b₃
 * ```
 *
 * @param layers a codec of one rate, or `{ codebookSizes }`.
 * @throws OptionError for an option that breaks its rule. `arrange` and `restore`: ShapeError for a wrong length, DataError for a token or an id out of its range, by position.
 * @example
 * const layout = delayPattern({ codebookSizes: [10, 10] });
 * layout.arrange([Int32Array.of(1, 2), Int32Array.of(3, 4)]); // rows [10, 10], [1, 10], [2, 3], [10, 4]
 */
export function delayPattern(layers: Layers, options: DelayOptions = {}): IdLayout {
  return delayed('delayPattern', layers, options);
}

/**
 * MusicGen (arXiv:2306.05284), `DelayedPatternProvider` of facebookresearch/audiocraft: what is no id is the number of codes, 2048.
 *
 * @param layers a codec of one rate, or `{ codebookSizes }`.
 * @throws as `delayPattern`.
 * @example
 * const layout = musicgen({ codebookSizes: [2048, 2048] });
 * layout.arrange([Int32Array.of(1), Int32Array.of(3)]); // rows [2048, 2048], [1, 2048], [2048, 3]
 */
export function musicgen(layers: Layers, options: Pick<DelayOptions, 'padding'> = {}): IdLayout {
  requireKnownOptions('musicgen', options, ['padding']);
  return delayed('musicgen', layers, options);
}

/**
 * Parler-TTS, `build_delay_pattern_mask` of huggingface/parler-tts: 1025 before a layer, and 1024 after it, at least once.
 *
 * @param layers a codec of one rate and 1024 codes per layer, or `{ codebookSizes }`.
 * @throws as `delayPattern`.
 * @example
 * const layout = parler({ codebookSizes: [1024, 1024] });
 * layout.arrange([Int32Array.of(1), Int32Array.of(3)]); // rows [1025, 1025], [1, 1025], [1024, 3], [1024, 1024]
 */
export function parler(layers: Layers, options: Pick<DelayOptions, 'padding'> = {}): IdLayout {
  requireKnownOptions('parler', options, ['padding']);
  const [size = 0] = layers.codebookSizes;
  return delayed('parler', layers, { ...options, begin: size + 1, end: size, closed: true });
}

function delayed(where: string, layers: Layers, options: DelayOptions): IdLayout {
  requireKnownOptions(where, options, ['delays', 'begin', 'end', 'closed', 'padding']);
  requireOneRate(where, layers, 'Arrange them in another way, such as frameByFrame.');
  const { codebookSizes } = layers;
  const [size = 0] = codebookSizes;
  const { delays = [...codebookSizes.keys()], begin = size, end = begin, closed = false, padding } = options;
  requireOption(delays.length === codebookSizes.length, where, 'delays', 'one for each layer', delays, 'Pass as many.');
  for (const [i, delay] of delays.entries()) requireInteger(where, `delays[${i}]`, delay, 0);
  requireInteger(where, 'begin', begin, 0);
  requireInteger(where, 'end', end, 0);
  requireBoolean(where, 'closed', closed);
  const row = (t: number, frames: number): Cell[] =>
    delays.map((delay, layer) => {
      const at = t - delay;
      if (at < 0) return begin;
      return at < frames ? { layer, at, offset: 0, place: 1, size: codebookSizes[layer] as number } : end;
    });
  const late = Math.max(...delays) + Number(closed);
  return createLayout({
    where,
    layers,
    width: codebookSizes.length,
    head: delays.map(() => begin),
    step: (t) => row(t, Infinity),
    tail: (frames) => Array.from({ length: late }, (_, t) => row(frames + t, frames)).flat(),
    padding,
  });
}
