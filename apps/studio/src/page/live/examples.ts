import type { LiveCodebook, LiveExamples } from '../../live-events.ts';
import { shortNumber } from '../charts/chart.ts';
import { contextOf, h } from '../dom.ts';
import { idColor } from '../try/edit.ts';
import { soundExamples, soundPlaces } from './sounds.ts';

/** Numbers of a vector, and places of a code, that are shown. */
const MOST_NUMBERS = 16;
const MOST_PLACES = 12;

/** Examples: what goes in, token ids, and what comes out. */
export interface Examples {
  readonly element: HTMLElement;
  show(examples: LiveExamples, codebooks: readonly LiveCodebook[]): void;
  /** The places of the pictures, or the pieces of the sounds, whose token has this code in this codebook. */
  placesOf(book: number, code: number): HTMLElement[];
}

/** A kind of examples, by the axes of one: those of pictures are height, width and channels, those of sounds samples and channels. */
interface Kind {
  draw(examples: LiveExamples, codebooks: readonly LiveCodebook[], sampleRate: number): HTMLElement;
  places(examples: LiveExamples, books: number, wanted: Wanted): HTMLElement[];
}

interface Wanted {
  readonly book: number;
  readonly code: number;
  readonly most: number;
  readonly sampleRate: number;
}

const KINDS: Readonly<Record<number, Kind>> = {
  1: { draw: vectors, places: () => [] },
  2: { draw: soundExamples, places: soundPlaces },
  3: { draw: pictures, places: (examples, books, { book, code }) => placesOf(examples, books, book, code) },
};

/** @param rate samples per second of a run on sound. */
export function createExamples(rate: () => number): Examples {
  const element = h('div', { className: 'examples' });
  let shown: LiveExamples | undefined;
  let books = 1;
  return {
    element,
    placesOf(book, code) {
      if (shown === undefined) return [];
      const wanted = { book, code, most: MOST_PLACES, sampleRate: rate() };
      return KINDS[shown.shape.length]?.places(shown, books, wanted) ?? [];
    },
    show(examples, codebooks) {
      shown = examples;
      books = codebooks.length;
      const kind = KINDS[examples.shape.length];
      element.replaceChildren(...(kind === undefined ? [] : [kind.draw(examples, codebooks, rate())]));
    },
  };
}

function pictures(
  { count, shape, originals, reconstructions, ids }: LiveExamples,
  codebooks: readonly LiveCodebook[],
): HTMLElement {
  const [height = 1, width = 1, channels = 1] = shape;
  const perExample = height * width * channels;
  const cell = (label: string, canvas: HTMLCanvasElement): HTMLElement => {
    canvas.className = 'example pixels';
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', label);
    return h('td', {}, canvas);
  };
  const picture = (values: readonly number[], i: number): HTMLCanvasElement =>
    paint(
      [height, width],
      (y, x, c) => values[i * perExample + (y * width + x) * channels + Math.min(c, channels - 1)],
    );
  const row = (title: string, cells: readonly HTMLElement[]): HTMLElement =>
    h('tr', {}, h('th', { scope: 'row' }, title), ...cells);
  const all = Array.from({ length: count }, (_, i) => i);
  const tokens = ids.length / count / codebooks.length;
  return h(
    'table',
    {},
    row(
      'in',
      all.map((i) => cell(`Example ${i + 1}`, picture(originals, i))),
    ),
    ...(tokens >= 1
      ? [
          row(
            'tokens',
            all.map((i) => cell(`Tokens of example ${i + 1}`, tokenMap(ids, codebooks, i, tokens, width / height))),
          ),
        ]
      : []),
    row(
      'out',
      all.map((i) => cell(`Reconstruction ${i + 1}`, picture(reconstructions, i))),
    ),
  );
}

/** A picture of values in [-1, 1]. */
function paint(
  [height, width]: readonly [height: number, width: number],
  value: (y: number, x: number, channel: number) => number | undefined,
): HTMLCanvasElement {
  const pixels = new ImageData(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const level = (c: number): number => 127.5 * ((value(y, x, c) ?? Number.NaN) + 1);
      pixels.data.set([level(0), level(1), level(2), 255], 4 * (y * width + x));
    }
  }
  const canvas = h('canvas', { width, height });
  contextOf(canvas).putImageData(pixels, 0, 0);
  return canvas;
}

function placesOf(
  { count, shape: [height = 1, width = 1, channels = 1], originals, ids }: LiveExamples,
  books: number,
  book: number,
  code: number,
): HTMLCanvasElement[] {
  const tokens = ids.length / count / books;
  const columns = Math.max(1, Math.round(Math.sqrt((tokens * width) / height)));
  const rows = Math.ceil(tokens / columns);
  const size = [Math.floor(height / rows), Math.floor(width / columns)] as const;
  const found: HTMLCanvasElement[] = [];
  for (let t = 0; t < count * tokens && found.length < MOST_PLACES; t++) {
    if (ids[t * books + book] !== code) continue;
    const [example, place] = [Math.floor(t / tokens), t % tokens];
    const [top, left] = [Math.floor(place / columns) * size[0], (place % columns) * size[1]];
    const row = (y: number): number => (example * height + top + y) * width + left;
    const canvas = paint(size, (y, x, c) => originals[(row(y) + x) * channels + Math.min(c, channels - 1)]);
    canvas.className = 'example pixels';
    found.push(canvas);
  }
  return found;
}

/** A place for each token in the form of the picture, with the colour of its first id. */
function tokenMap(
  ids: readonly number[],
  codebooks: readonly LiveCodebook[],
  example: number,
  tokens: number,
  ratio: number,
): HTMLCanvasElement {
  const columns = Math.max(1, Math.round(Math.sqrt(tokens * ratio)));
  const canvas = h('canvas', { width: columns, height: Math.ceil(tokens / columns) });
  const context = contextOf(canvas);
  for (let t = 0; t < tokens; t++) {
    context.fillStyle = idColor(ids[(example * tokens + t) * codebooks.length] ?? 0, codebooks[0]?.codebookSize ?? 1);
    context.fillRect(t % columns, Math.floor(t / columns), 1, 1);
  }
  return canvas;
}

function vectors(
  { count, shape: [features = 0], originals, reconstructions, ids }: LiveExamples,
  codebooks: readonly LiveCodebook[],
): HTMLElement {
  const row = (title: string, values: readonly number[], per: number, i: number): HTMLElement => {
    const shown = values.slice(i * per, i * per + Math.min(per, MOST_NUMBERS));
    return h('tr', {}, h('th', { scope: 'row' }, title), ...shown.map((value) => h('td', {}, shortNumber(value))));
  };
  const lines = Array.from({ length: count }, (_, i) => [
    row(`vector ${i + 1}`, originals, features, i),
    row('ids', ids, codebooks.length, i),
    row('out', reconstructions, features, i),
  ]);
  return h('div', { className: 'scroll', tabIndex: 0 }, h('table', { className: 'numbers' }, ...lines.flat()));
}
