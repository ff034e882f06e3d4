import { readFileSync } from 'node:fs';
import {
  bitLabels,
  delayPattern,
  frameByFrame,
  groupByGroup,
  type IdLayout,
  layerByLayer,
  musicgen,
  orpheus,
  parler,
  splitIds,
  valle,
} from '@vqkit/codecs/layouts';
import { createFsqCodec } from '@vqkit/fsq/codec';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** Runs of the published code (fixtures/make_layouts.py). */
interface Golden {
  readonly name: string;
  readonly layout:
    | 'delayPattern'
    | 'musicgen'
    | 'parler'
    | 'groupByGroup'
    | 'orpheus'
    | 'valle'
    | 'splitIds'
    | 'bitLabels';
  readonly ids: number[][];
  readonly tokens: number[];
  readonly sizes?: number[];
  readonly delays?: number[];
  readonly groups?: number[];
  readonly parts?: number[];
  readonly begin?: number[];
}
const goldens = JSON.parse(
  readFileSync(new URL('fixtures/layouts.json', import.meta.url), 'utf8'),
) as readonly Golden[];

function layoutOf({ layout, sizes = [], delays, groups = [], parts = [], begin = [] }: Golden): IdLayout {
  const layers = { codebookSizes: sizes };
  switch (layout) {
    case 'delayPattern':
      return delayPattern(layers, delays == null ? {} : { delays });
    case 'groupByGroup':
      return groupByGroup(layers, { groups, ranges: 'shared' });
    case 'splitIds':
      return splitIds(layers, parts, { bitOrder: 'lsbFirst' });
    case 'valle':
      return valle(layers, { begin });
    case 'orpheus':
      return orpheus();
    default:
      return { musicgen, parler, bitLabels }[layout](layers);
  }
}

const arrays = (layers: readonly (readonly number[])[]): Int32Array[] => layers.map((ids) => Int32Array.from(ids));

describe('layouts against the published code', () => {
  it.each(goldens.map((golden) => [golden.name, golden] as const))('%s', (_, golden) => {
    const layout = layoutOf(golden);
    expect(layout.arrange(arrays(golden.ids))).toEqual(Int32Array.from(golden.tokens));
    expect(layout.restore(Int32Array.from(golden.tokens))).toEqual(arrays(golden.ids));
  });
});

const snac = { codebookSizes: [5, 3, 7], strides: [4, 2, 1] };
const flat = { codebookSizes: [5, 3, 7] };
const padding = { token: 1000, multiple: 6 };
const special = { begin: [500, 501], end: [502], padding };
const layouts: Record<string, { layers: { codebookSizes: number[]; strides?: number[] }; layout: IdLayout }> = {
  'frame by frame': { layers: flat, layout: frameByFrame(flat) },
  'frame by frame, rates and special tokens': { layers: snac, layout: frameByFrame(snac, special) },
  'frame by frame, slots': { layers: snac, layout: frameByFrame(snac, { ranges: 'slot', firstToken: 9 }) },
  'layer by layer': { layers: flat, layout: layerByLayer(flat, special) },
  'layer by layer, rates': { layers: snac, layout: layerByLayer(snac, { ranges: 'shared' }) },
  groups: { layers: snac, layout: groupByGroup(snac, { groups: [1, 2], between: [600], ...special }) },
  'delay pattern': { layers: flat, layout: delayPattern(flat, { padding: { token: 1000, multiple: 9 } }) },
  'delays of their own': {
    layers: flat,
    layout: delayPattern(flat, { delays: [0, 4, 2], begin: 10, end: 11, closed: true }),
  },
  orpheus: { layers: { codebookSizes: [4096, 4096, 4096], strides: [4, 2, 1] }, layout: orpheus({ end: [128_258] }) },
  valle: { layers: { codebookSizes: [9, 9] }, layout: valle({ codebookSizes: [9, 9] }) },
  'split ids': { layers: { codebookSizes: [60, 60] }, layout: splitIds({ codebookSizes: [60, 60] }, [3, 5, 4]) },
  'bits, least first': {
    layers: { codebookSizes: [8, 2] },
    layout: bitLabels({ codebookSizes: [8, 2] }, { bitOrder: 'lsbFirst' }),
  },
};

/** Ids of some frames of the slowest layer. */
function idsOf({
  codebookSizes,
  strides = codebookSizes.map(() => 1),
}: {
  codebookSizes: number[];
  strides?: number[];
}): fc.Arbitrary<Int32Array[]> {
  const slowest = Math.max(...strides);
  return fc.integer({ min: 0, max: 7 }).chain((frames) =>
    fc.tuple(
      ...codebookSizes.map((size, layer) => {
        const length = (frames * slowest) / (strides[layer] as number);
        return fc
          .array(fc.integer({ min: 0, max: size - 1 }), { minLength: length, maxLength: length })
          .map((ids) => Int32Array.from(ids));
      }),
    ),
  );
}

describe.each(Object.entries(layouts))('%s', (_, { layers, layout }) => {
  const { strides = layers.codebookSizes.map(() => 1) } = layers;
  const slowest = Math.max(...strides);
  const part = (ids: readonly Int32Array[], from: number, to: number): Int32Array[] =>
    ids.map((own, layer) => {
      const rate = slowest / (strides[layer] as number);
      return own.slice(from * rate, to * rate);
    });

  it('gives the ids back, and tokens of its vocabulary', () => {
    fc.assert(
      fc.property(idsOf(layers), (ids) => {
        const tokens = layout.arrange(ids);
        expect(layout.restore(tokens)).toEqual(ids);
        expect(tokens.length % layout.width).toBe(0);
        expect(tokens.every((token) => token >= 0 && token < layout.vocabularySize)).toBe(true);
      }),
    );
  });

  it('streams the same tokens, whatever the pieces', () => {
    fc.assert(
      fc.property(idsOf(layers), fc.array(fc.integer({ min: 0, max: 7 })), (ids, cuts) => {
        const frames = (ids[0]?.length ?? 0) / (slowest / (strides[0] as number));
        const stream = layout.stream();
        const pieces: number[] = [];
        let from = 0;
        for (const to of [...cuts.filter((cut) => cut <= frames).sort(), frames]) {
          pieces.push(...stream.push(part(ids, from, to)));
          from = to;
        }
        pieces.push(...stream.end());
        expect(Int32Array.from(pieces)).toEqual(layout.arrange(ids));
      }),
    );
  });

  it('refuses a token that is changed, or gives other ids for it', () => {
    fc.assert(
      fc.property(idsOf(layers), fc.nat(), fc.integer({ min: -2, max: 1200 }), (ids, at, token) => {
        const tokens = layout.arrange(ids);
        if (tokens.length === 0) return;
        const changed = tokens.slice();
        changed[at % tokens.length] = token;
        let restored: Int32Array[];
        try {
          restored = layout.restore(changed);
        } catch (error) {
          expect((error as Error).message).toMatch(/\(\)\.restore: tokens(\[\d+\]|\.length) must be /);
          return;
        }
        expect(layout.arrange(restored)).toEqual(changed);
      }),
    );
  });
});

describe('layouts', () => {
  it('take a codec as it is', () => {
    const digits = createFsqCodec({ levels: [8, 5, 5] });
    const layout = splitIds({ codebookSizes: [digits.codebookSize] }, [8, 5, 5], { bitOrder: 'lsbFirst' });
    const ids = digits.encode(Float32Array.of(0.2, -1, 3, -2, 0, 0.1));
    expect([...layout.arrange([ids])]).toEqual([5, 0, 4, 0, 2, 2]);
  });

  it('give the first layer of a stream at once, and a delay as far as it is certain', () => {
    const layers = layerByLayer({ codebookSizes: [10, 10] }).stream();
    expect([...layers.push(arrays([[1], [2]]))]).toEqual([1]);
    expect([...layers.push(arrays([[3], [4]]))]).toEqual([3]);
    expect([...layers.end()]).toEqual([12, 14]);
    const late = delayPattern({ codebookSizes: [10, 10] }).stream();
    expect([...late.push(arrays([[1], [2]]))]).toEqual([10, 10, 1, 10]);
    expect([...late.push(arrays([[3], [4]]))]).toEqual([3, 2]);
    expect([...late.end()]).toEqual([10, 4]);
  });

  it('name what is wrong: options, ids, lengths and tokens', () => {
    expect(() => frameByFrame({ codebookSizes: [] })).toThrow(
      /frameByFrame: codebookSizes must be one or more sizes, got \[\]/,
    );
    expect(() => frameByFrame(flat, { range: 'slot' } as object)).toThrow(/frameByFrame: options must have no 'range'/);
    expect(() => frameByFrame({ codebookSizes: [2, 2], strides: [4, 3] })).toThrow(
      /strides must be divisors of the largest/,
    );
    expect(() => groupByGroup(flat, { groups: [1, 1] })).toThrow(/groups must be 3 layers in all, got \[1,1\]/);
    expect(() => frameByFrame(flat, { firstToken: 2 ** 31 - 3 })).toThrow(
      /vocabularySize must be an integer from 1 to 2147483647/,
    );
    expect(() => delayPattern(snac)).toThrow(/strides must be the same for all layers, got \[4,2,1\]/);
    expect(() => delayPattern(flat, { padding: { token: 9, multiple: 4 } })).toThrow(
      /padding\.multiple must be a multiple of 3, got 4/,
    );
    expect(() => splitIds({ codebookSizes: [16] }, [4, 5])).toThrow(
      /codebookSizes\[0\] must be 20, the product of sizes, got 16/,
    );
    expect(() => bitLabels({ codebookSizes: [12] })).toThrow(/codebookSizes\[0\] must be a power of two, got 12/);

    const layout = orpheus();
    expect(() => layout.arrange(arrays([[1], [2, 3]]))).toThrow(/orpheus\(\)\.arrange: ids must be 3 layers, got 2/);
    expect(() => layout.arrange(arrays([[1], [2, 3], [4, 5, 6]]))).toThrow(/ids\[2\]\.length must be 4, got 3/);
    expect(() => layout.arrange(arrays([[1], [2, 3], [4, 5, 6, 4096]]))).toThrow(
      /ids\[2\]\[3\] must be an id from 0 to 4095, got 4096/,
    );
    expect(() => layout.restore(new Int32Array(8))).toThrow(
      /orpheus\(\)\.restore: tokens\.length must be a multiple of 7, got 8/,
    );
    expect(() => layout.restore(new Int32Array(7).fill(128_300))).toThrow(
      /tokens\[1\] must be from 132362 to 136457, got 128300/,
    );
    const closed = valle({ codebookSizes: [8, 8] });
    expect(() => closed.restore(Int32Array.of(1, 3, 2))).toThrow(/valle\(\)\.restore: tokens\[1\] must be 8, got 3/);
  });
});
