import type { LiveCodebook } from '../../live-events.ts';
import { contextOf, h } from '../dom.ts';

/** Places of a drawing at most; of a larger codebook several codes share one. */
const MOST_PLACES = 2 ** 20;

/** The codes of a run as a square: colour by the logarithm of their uses, grey by age for those that are no longer used. */
export interface CodesGrid {
  readonly element: HTMLElement;
  show(codebooks: readonly LiveCodebook[], step: number): void;
}

/** @param onCode gets the codebook and the code that is pointed at. A click holds that code, so that what it shows can be reached; the next lets it go. */
export function createCodesGrid(onCode: (book: number, code: number) => void): CodesGrid {
  const canvas = h('canvas', { className: 'codes pixels', width: 1, height: 1, tabIndex: 0, role: 'img' });
  const books = h('select', {});
  const choice = h('label', { hidden: true }, 'Codebook ', books);
  const text = h('output', { className: 'note' });
  const caption = h('p', { className: 'note' });
  let shown: readonly LiveCodebook[] = [];
  let step = 0;
  let at = 0;
  let held = false;

  const book = (): LiveCodebook | undefined => shown[Number(books.value)] ?? shown[0];
  const side = (): number => canvas.width;
  const draw = (): void => {
    const current = book();
    if (current === undefined) return;
    const { codebookSize, codes, counts, lastUsed } = current;
    const together = Math.ceil(codebookSize / MOST_PLACES);
    const width = Math.ceil(Math.sqrt(codebookSize / together));
    Object.assign(canvas, { width, height: width });
    const image = new ImageData(width, width);
    const pixels = new Uint32Array(image.data.buffer);
    const { never, uses, ages } = palette(matchMedia('(prefers-color-scheme: dark)').matches);
    pixels.fill(never, 0, Math.ceil(codebookSize / together));
    const most = Math.log1p(counts.reduce((max, count) => Math.max(max, count), 1));
    let used = 0;
    for (let i = 0; i < codes.length; i++) {
      const [code = 0, count = 0, last = 0] = [codes[i], counts[i], lastUsed[i]];
      if (count > 0) used++;
      const share = count > 0 ? Math.log1p(count) / most : (step - last) / Math.max(1, step);
      pixels[Math.floor(code / together)] = (count > 0 ? uses : ages)[Math.round(255 * share)] ?? never;
    }
    contextOf(canvas).putImageData(image, 0, 0);
    const shares = together === 1 ? '' : ` ${together} codes share a place.`;
    caption.textContent = `At step ${step}, ${used} of ${codebookSize} codes were used in validation: bright, often; grey, earlier only, the paler the longer ago; empty, never.${shares}`;
    canvas.setAttribute('aria-label', `${caption.textContent} Arrow keys go from code to code, Enter holds one.`);
    tell(at);
  };
  const tell = (code: number): void => {
    const current = book();
    if (current === undefined) return;
    at = Math.max(0, Math.min(current.codebookSize - 1, code));
    onCode(Math.max(0, books.selectedIndex), at);
    say();
  };
  const say = (): void => {
    const current = book();
    if (current === undefined) return;
    const i = current.codes.indexOf(at);
    const use = i < 0 ? 'never used' : `${current.counts[i]} uses, last at step ${current.lastUsed[i]}`;
    text.textContent = `Code ${at}: ${use}.${held ? ' Held: click the square, or press Enter, to let it go.' : ''}`;
  };
  const hold = (): void => {
    held = !held;
    say();
  };
  const together = (): number => Math.ceil((book()?.codebookSize ?? 1) / MOST_PLACES);
  const placeOf = ({ offsetX, offsetY }: PointerEvent | MouseEvent): number => {
    const scale = side() / canvas.clientWidth;
    return (Math.floor(offsetY * scale) * side() + Math.floor(offsetX * scale)) * together();
  };
  canvas.addEventListener('pointermove', (event) => {
    const place = placeOf(event);
    if (!held && place !== at) tell(place);
  });
  canvas.addEventListener('click', (event) => {
    if (!held) tell(placeOf(event));
    hold();
  });
  canvas.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') return hold();
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -side(), ArrowDown: side() };
    const by = steps[event.key];
    if (by === undefined) return;
    event.preventDefault();
    tell(at + by * together());
  });
  books.addEventListener('change', draw);

  const element = h('div', {}, choice, canvas, h('div', {}, text), caption);
  return {
    element,
    show(codebooks, now) {
      shown = codebooks;
      step = now;
      if (books.options.length !== codebooks.length) {
        books.replaceChildren(...codebooks.map((_, i) => new Option(String(i + 1), String(i))));
        choice.hidden = codebooks.length < 2;
      }
      draw();
    },
  };
}

/** From dark blue over green to yellow, told apart in greys too. */
const RAMP = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
] as const;

/** Colours of pixels as ImageData has them: of codes that were never used, of uses from few to many, and of ages from young to old. */
function palette(isDark: boolean): { never: number; uses: Uint32Array; ages: Uint32Array } {
  const pixel = ([red = 0, green = 0, blue = 0]: readonly number[]): number =>
    new Uint32Array(Uint8ClampedArray.of(red, green, blue, 255).buffer)[0] ?? 0;
  const table = (color: (share: number) => readonly number[]): Uint32Array =>
    Uint32Array.from({ length: 256 }, (_, i) => pixel(color(i / 255)));
  return {
    never: pixel(isDark ? [20, 24, 29] : [255, 255, 255]),
    uses: table(ramp),
    ages: table((age) => grey(age, isDark)),
  };
}

function ramp(share: number): number[] {
  const place = Math.max(0, Math.min(1, share)) * (RAMP.length - 1);
  const i = Math.min(RAMP.length - 2, Math.floor(place));
  const [low, high] = [RAMP[i] ?? RAMP[0], RAMP[i + 1] ?? RAMP[0]];
  return low.map((value, c) => value + (place - i) * ((high[c] ?? 0) - value));
}

function grey(age: number, isDark: boolean): number[] {
  const level = isDark ? 150 - 110 * age : 110 + 120 * age;
  return [level, level, level];
}
