import { requireInteger, requireKnownOptions, requireOneOf, requireOption } from '@vqkit/core-tensor/check';
import {
  createLayout,
  type Digit,
  type IdLayout,
  idsPerFrame,
  type Layers,
  type Padding,
  specialTokens,
} from './layout.ts';

export interface SequenceOptions {
  /**
   * Which tokens an id can become: `shared`, the same for all layers; `layer`, a range for each layer, one after another; `slot`, a range for each place
   * in a frame, as Orpheus has it. Default: `layer`.
   */
  readonly ranges?: 'shared' | 'layer' | 'slot';
  /** The token of the first id. Default: 0. */
  readonly firstToken?: number;
  /** Special tokens before everything, and after it. Default: none. */
  readonly begin?: readonly number[];
  readonly end?: readonly number[];
  readonly padding?: Padding;
}

export interface GroupOptions extends SequenceOptions {
  /** How many layers each group has: [1, 7] is the first layer, then the seven others frame by frame. */
  readonly groups: readonly number[];
  /** Special tokens between groups. Default: none. */
  readonly between?: readonly number[];
}

const OPTIONS = ['ranges', 'firstToken', 'begin', 'end', 'padding'];

/**
 * All ids of a frame, then those of the next. Where layers have several rates, by time: at each moment the slowest layer first (SNAC: one
 * coarse id, then middle, fine, fine, middle, fine, fine).
 *
 * @param layers a codec, or `{ codebookSizes, strides }`.
 * @throws OptionError for an option that breaks its rule. `arrange` and `restore`: ShapeError for a wrong length, DataError for a token or an id out of its range, by position.
 * @example
 * const layout = frameByFrame({ codebookSizes: [10, 10] });
 * layout.arrange([Int32Array.of(1, 2), Int32Array.of(3, 4)]); // [ 1, 13, 2, 14 ]
 */
export function frameByFrame(layers: Layers, options: SequenceOptions = {}): IdLayout {
  requireKnownOptions('frameByFrame', options, OPTIONS);
  return inGroups('frameByFrame', layers, { ...options, groups: [layers.codebookSizes.length] });
}

/**
 * All ids of a layer, then those of the next. Those of the first stream.
 *
 * @param layers a codec, or `{ codebookSizes, strides }`.
 * @throws as `frameByFrame`.
 * @example
 * const layout = layerByLayer({ codebookSizes: [10, 10] });
 * layout.arrange([Int32Array.of(1, 2), Int32Array.of(3, 4)]); // [ 1, 2, 13, 14 ]
 */
export function layerByLayer(layers: Layers, options: SequenceOptions = {}): IdLayout {
  requireKnownOptions('layerByLayer', options, OPTIONS);
  return inGroups('layerByLayer', layers, { ...options, groups: layers.codebookSizes.map(() => 1) });
}

/**
 * Coarse, then fine: the first layers frame by frame, then the next ones (AudioLM, MusicLM).
 *
 * @param layers a codec, or `{ codebookSizes, strides }`.
 * @throws as `frameByFrame`.
 * @example
 * const layout = groupByGroup({ codebookSizes: [10, 10, 10] }, { groups: [1, 2], between: [30] });
 * layout.arrange([Int32Array.of(1, 2), Int32Array.of(3, 4), Int32Array.of(5, 6)]); // [ 1, 2, 30, 13, 25, 14, 26 ]
 */
export function groupByGroup(layers: Layers, options: GroupOptions): IdLayout {
  requireKnownOptions('groupByGroup', options, [...OPTIONS, 'groups', 'between']);
  return inGroups('groupByGroup', layers, options);
}

/**
 * VALL-E (arXiv:2301.02111): the first layer, which one model writes token by token, the token that ends it, and each of the other layers, which another
 * model fills in at once. Ids are the tokens of all layers; the end is the first token that is no id.
 *
 * @param layers a codec, or `{ codebookSizes }`, all of the same size.
 * @param options `begin`, such as [1025] with `prepend_bos` of lifeiteng/vall-e.
 * @throws as `frameByFrame`.
 * @example
 * const layout = valle({ codebookSizes: [1024, 1024] });
 * layout.arrange([Int32Array.of(1, 2), Int32Array.of(3, 4)]); // [ 1, 2, 1024, 3, 4 ]
 */
export function valle(layers: Layers, options: Pick<SequenceOptions, 'begin' | 'end' | 'padding'> = {}): IdLayout {
  requireKnownOptions('valle', options, ['begin', 'end', 'padding']);
  const [size, ...sizes] = layers.codebookSizes;
  const rest = sizes.map(() => 1);
  const groups = rest.length === 0 ? [1] : [1, ...rest];
  return inGroups('valle', layers, { ...options, ranges: 'shared', groups, afterFirst: [size ?? 0] });
}

/**
 * Orpheus: seven tokens for a frame of SNAC, one of the coarse layer, two of the middle and four of the fine one, each in a range of its own.
 * Its special tokens are 128257, start of speech, and 128258, end of speech.
 *
 * @param options `begin` and `end`, such as [128257] and [128258].
 * @throws as `frameByFrame`.
 * @example
 * const layout = orpheus();
 * layout.arrange([Int32Array.of(0), Int32Array.of(1, 2), Int32Array.of(3, 4, 5, 6)]);
 * // [ 128266, 132363, 136461, 140558, 144652, 148751, 152848 ]
 */
export function orpheus(options: Pick<SequenceOptions, 'begin' | 'end' | 'padding'> = {}): IdLayout {
  requireKnownOptions('orpheus', options, ['begin', 'end', 'padding']);
  const snac = { codebookSizes: [4096, 4096, 4096], strides: [4, 2, 1] };
  return inGroups('orpheus', snac, { ...options, groups: [3], ranges: 'slot', firstToken: 128_266 });
}

function inGroups(
  where: string,
  layers: Layers,
  {
    groups,
    ranges = 'layer',
    firstToken = 0,
    begin,
    end,
    between,
    afterFirst,
    padding,
  }: GroupOptions & { readonly afterFirst?: readonly number[] },
): IdLayout {
  const rates = idsPerFrame(where, layers);
  const { codebookSizes } = layers;
  requireOneOf(where, 'ranges', ranges, ['shared', 'layer', 'slot']);
  requireInteger(where, 'firstToken', firstToken, 0);
  for (const [i, count] of groups.entries()) requireInteger(where, `groups[${i}]`, count, 1);
  const total = groups.reduce((sum, count) => sum + count, 0);
  requireOption(total === rates.length, where, 'groups', `${rates.length} layers in all`, groups, 'Pass others.');
  const slots = groups.map((count, i) => {
    const first = groups.slice(0, i).reduce((sum, own) => sum + own, 0);
    return slotsOf(rates, first, first + count);
  });
  let next = firstToken;
  const offsets = new Map<string, number>();
  const place = (slot: Slot): number => {
    const key = ranges === 'shared' ? '' : ranges === 'layer' ? `${slot.layer}` : `${slot.layer} ${slot.sub}`;
    const offset = offsets.get(key) ?? next;
    if (!offsets.has(key)) next = ranges === 'shared' ? next : next + (codebookSizes[slot.layer] as number);
    offsets.set(key, offset);
    return offset;
  };
  // In the order of layers, whatever the order in time.
  if (ranges === 'layer') for (const layer of codebookSizes.keys()) place({ layer, sub: 0 });
  const placed = slots.map((group) => group.map((slot) => ({ ...slot, offset: place(slot) })));
  const cellsOf = (group: number, t: number): Digit[] =>
    (placed[group] ?? []).map(({ layer, sub, offset }) => ({
      layer,
      at: t * (rates[layer] as number) + sub,
      offset,
      place: 1,
      size: codebookSizes[layer] as number,
    }));
  const head = specialTokens(where, 'begin', begin);
  const last = specialTokens(where, 'end', end);
  const gap = specialTokens(where, 'between', between);
  return createLayout({
    where,
    layers,
    width: 1,
    head,
    step: (t) => cellsOf(0, t),
    tail: (frames) => [
      ...(afterFirst ?? []),
      ...placed
        .slice(1)
        .flatMap((_, i) => [...gap, ...Array.from({ length: frames }, (__, t) => cellsOf(i + 1, t)).flat()]),
      ...last,
    ],
    padding,
  });
}

interface Slot {
  readonly layer: number;
  /** Which of the layer's ids in a frame. */
  readonly sub: number;
}

/** The ids of some layers in a frame, by the time that they begin at, then by layer. */
function slotsOf(rates: readonly number[], first: number, end: number): Slot[] {
  const slots = rates
    .slice(first, end)
    .flatMap((rate, i) => Array.from({ length: rate }, (_, sub) => ({ layer: first + i, sub, begin: sub / rate })));
  return slots.sort((a, b) => a.begin - b.begin || a.layer - b.layer);
}
