import type { LiveCodebook, LiveExamples } from '../../live-events.ts';
import { contextOf, h } from '../dom.ts';
import type { Sound } from '../sound/player.ts';
import { soundButton } from '../sound/sound-button.ts';
import { idColor } from '../try/edit.ts';

/** What is heard around a token, which alone may be too short for an ear. */
const HEARD_SECONDS = 0.2;

/** Segments of sound: spectrograms of what goes in and of what comes out, which play, with their tokens between them. */
export function soundExamples(
  examples: LiveExamples,
  codebooks: readonly LiveCodebook[],
  sampleRate: number,
): HTMLElement {
  const { count, originals, reconstructions } = examples;
  const rows = Array.from({ length: count }, (_, i) =>
    h(
      'li',
      {},
      soundButton(`example ${i + 1}`, segment(examples, originals, i, sampleRate)),
      tokenStrip(examples, codebooks, i),
      soundButton(`reconstruction ${i + 1}`, segment(examples, reconstructions, i, sampleRate)),
    ),
  );
  return h(
    'div',
    {},
    h('p', { className: 'note' }, 'Above what goes in, below what comes out, between them the tokens. Click to hear.'),
    h('ol', { className: 'sounds' }, ...rows),
  );
}

/** Where the examples have a code: neighbours that have it are one piece. */
export function soundPlaces(
  examples: LiveExamples,
  books: number,
  { book, code, most, sampleRate }: { book: number; code: number; most: number; sampleRate: number },
): HTMLElement[] {
  const { count, ids, originals } = examples;
  const tokens = ids.length / count / books;
  const [samples = 0] = examples.shape;
  const hop = samples / tokens;
  const found: HTMLElement[] = [];
  for (let example = 0; example < count; example++) {
    const has = (t: number): boolean => t < tokens && ids[(example * tokens + t) * books + book] === code;
    const whole = segment(examples, originals, example, sampleRate);
    for (let t = 0; t < tokens && found.length < most; t++) {
      if (!has(t)) continue;
      const first = t;
      while (has(t + 1)) t++;
      const [from, to] = [first * hop, (t + 1) * hop];
      const room = Math.max(0, (HEARD_SECONDS * sampleRate - (to - from)) / 2);
      const [begin, end] = [Math.max(0, Math.floor(from - room)), Math.min(samples, Math.ceil(to + room))];
      const name = `${(from / sampleRate).toFixed(3)} to ${(to / sampleRate).toFixed(3)} s of example ${example + 1}`;
      const heard = whole.samples.subarray(begin * whole.channels, end * whole.channels);
      const button = soundButton(name, { ...whole, samples: heard }, 'sound place');
      const mark = h('span', { className: 'token-mark' });
      mark.style.left = `${(100 * (from - begin)) / (end - begin)}%`;
      mark.style.width = `${(100 * (to - from)) / (end - begin)}%`;
      button.append(mark);
      found.push(button);
    }
  }
  return found;
}

function segment({ shape }: LiveExamples, values: readonly number[], i: number, sampleRate: number): Sound {
  const [samples = 0, channels = 1] = shape;
  const length = samples * channels;
  return { samples: Float32Array.from(values.slice(i * length, (i + 1) * length)), channels, sampleRate };
}

/** A column for each token, a row for each codebook. */
function tokenStrip(
  { count, ids }: LiveExamples,
  codebooks: readonly LiveCodebook[],
  example: number,
): HTMLCanvasElement {
  const books = codebooks.length;
  const tokens = Math.floor(ids.length / count / books);
  const canvas = h('canvas', { className: 'strip pixels', width: Math.max(1, tokens), height: books, role: 'img' });
  canvas.setAttribute('aria-label', `${tokens} tokens of example ${example + 1}`);
  const context = contextOf(canvas);
  for (let t = 0; t < tokens; t++) {
    for (let book = 0; book < books; book++) {
      const id = ids[(example * tokens + t) * books + book] ?? 0;
      context.fillStyle = idColor(id, codebooks[book]?.codebookSize ?? 1);
      context.fillRect(t, book, 1, 1);
    }
  }
  return canvas;
}
