import { contextOf, h } from '../dom.ts';
import type { PictureIds } from '../worker/calls.ts';
import { createDrawing } from './drawing.ts';
import { createEditor, idColor } from './edit.ts';
import type { Trial, TrialContext } from './trial.ts';

/** Sides of pictures to choose from: that of MNIST, and usual ones. */
const SIZES = [28, 32, 64, 96, 128, 256];
/** Cells up to which an id can be read; beyond, colours are left. */
const READABLE = 8;
/** Ids of a token that can be changed one by one. */
const MOST_EDITED = 16;

/** A picture in, its token ids, and the picture that they give back. */
export function showPictures({ facts, engine, say, fail }: TrialContext): Trial {
  const { multiple, numCodebooks, codebookSize, channels, bitsPerToken } = facts;
  const canvas = h('canvas', { id: 'drawing', className: 'square pen', width: 280, height: 280 });
  canvas.setAttribute('aria-label', 'Draw here, or drop a picture');
  canvas.setAttribute('role', 'img');
  const decodedCanvas = h('canvas', { id: 'decoded', className: 'square pixels', width: 28, height: 28 });
  decodedCanvas.setAttribute('aria-label', 'What the ids give back');
  decodedCanvas.setAttribute('role', 'img');
  const table = h('table', { id: 'ids', className: 'ids', role: 'grid' });
  table.setAttribute('aria-label', 'Token ids');
  const file = h('input', { id: 'file', type: 'file', accept: 'image/*' });
  const clear = h('button', { id: 'clear', type: 'button' }, 'Clear');
  const undo = h('button', { id: 'undo', type: 'button', hidden: true }, 'The picture’s own ids');
  const fitting = SIZES.filter((size) => size % multiple === 0);
  const sizes = h('select', { id: 'size' }, ...fitting.map((size) => new Option(`${size} × ${size}`, String(size))));

  /** Whether the picture has changed since it was last tokenized. */
  let changed = true;
  let running = false;
  let current: PictureIds | undefined;

  /** Tokenizes what is there, once more if it changes meanwhile. */
  const update = async (): Promise<void> => {
    if (running) return;
    running = true;
    try {
      while (changed) {
        changed = false;
        const [runs, size] = [engine(), Number(sizes.value)];
        if (runs === undefined || size === 0) break;
        const began = performance.now();
        const given = drawing.pixels(size);
        const picture = await runs.call('encodePicture', given, size);
        await show(picture);
        const tokens = picture.rows * picture.columns;
        const bits = Math.round(tokens * bitsPerToken);
        const ms = (performance.now() - began).toFixed(1);
        say(`${runs.words}: ${ms} ms. ${tokens} tokens, ${bits} bits for ${8 * size * size * channels}.`);
        undo.hidden = true;
      }
    } catch (error) {
      fail(error);
    } finally {
      running = false;
    }
  };
  const again = (): void => {
    changed = true;
    void update();
  };
  const show = async (picture: PictureIds): Promise<void> => {
    current = picture;
    showIds(picture);
    const size = picture.rows * multiple;
    const pixels = await engine()?.call('decodePicture', picture);
    if (pixels === undefined) return;
    Object.assign(decodedCanvas, { width: size, height: size });
    contextOf(decodedCanvas).putImageData(new ImageData(pixels, size, size), 0, 0);
  };
  const tokenAt = ({ ids }: PictureIds, place: number): number[] => [
    ...ids.subarray(place * numCodebooks, (place + 1) * numCodebooks),
  ];

  /** A cell for each token, with a colour for each id (of a stack, its first) and all ids in its title. */
  const showIds = (picture: PictureIds): void => {
    const { rows, columns } = picture;
    // Cells stay where they are, and so does the focus.
    if (table.rows.length !== rows || table.rows[0]?.cells.length !== columns) {
      const row = (): HTMLTableRowElement =>
        h('tr', {}, ...Array.from({ length: columns }, () => h('td', { tabIndex: -1 })));
      table.replaceChildren(...Array.from({ length: rows }, row));
      mark(0);
    }
    for (const [i, cell] of [...table.querySelectorAll('td')].entries()) {
      const token = tokenAt(picture, i);
      cell.title = token.join(', ');
      if (columns <= READABLE) cell.textContent = `${token.slice(0, 2).join(' ')}${numCodebooks > 2 ? ' …' : ''}`;
      cell.style.backgroundColor = idColor(token[0] ?? 0, codebookSize);
    }
  };
  let place = 0;
  const editor = createEditor(codebookSize, (ids) => {
    if (current === undefined) return;
    const edited = { ...current, ids: current.ids.slice() };
    edited.ids.set(ids, place * numCodebooks);
    undo.hidden = false;
    show(edited).catch(fail);
  });
  const mark = (at: number): void => {
    for (const [i, cell] of [...table.querySelectorAll('td')].entries()) {
      cell.tabIndex = i === at ? 0 : -1;
      cell.setAttribute('aria-selected', String(i === at));
    }
  };
  const choose = (at: number): void => {
    if (current === undefined) return;
    place = at;
    mark(at);
    const [row, column] = [Math.floor(at / current.columns), at % current.columns];
    editor.edit(`Token in row ${row + 1}, column ${column + 1}`, tokenAt(current, at).slice(0, MOST_EDITED));
  };
  const cellOf = (target: EventTarget | null): number =>
    [...table.querySelectorAll('td')].indexOf(target as HTMLTableCellElement);
  table.addEventListener('click', ({ target }) => {
    const at = cellOf(target);
    if (at >= 0) choose(at);
  });
  table.addEventListener('keydown', (event) => {
    const at = cellOf(event.target);
    if (current === undefined || at < 0) return;
    const steps: Record<string, number> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -current.columns,
      ArrowDown: current.columns,
    };
    const step = steps[event.key];
    if (event.key === 'Enter') return choose(at);
    const cells = table.querySelectorAll('td');
    const next = step === undefined ? undefined : cells[at + step];
    if (next === undefined) return;
    event.preventDefault();
    choose(at + (step ?? 0));
    next.focus();
  });

  const drawing = createDrawing(canvas, again, fail);
  drawing.clear();
  sizes.addEventListener('change', again);
  clear.addEventListener('click', drawing.clear);
  undo.addEventListener('click', again);
  file.addEventListener('change', () => {
    const [given] = file.files ?? [];
    if (given !== undefined) drawing.show(given).catch(fail);
  });
  const element = h(
    'div',
    {},
    h(
      'div',
      { className: 'columns' },
      h(
        'section',
        {},
        h('h2', {}, 'Picture'),
        canvas,
        h('div', { className: 'controls' }, clear, h('label', { className: 'button' }, 'Open …', file)),
      ),
      h('section', {}, h('h2', {}, 'Token ids'), table, editor.element, undo),
      h('section', {}, h('h2', {}, 'Decoded'), decodedCanvas),
    ),
    h('div', { className: 'controls' }, h('label', {}, 'Pixels ', sizes)),
  );
  return {
    element,
    refresh() {
      if (fitting.length > 0) return again();
      fail(
        new Error(`This tokenizer takes pictures whose sides are multiples of ${multiple}, more than the page offers.`),
      );
    },
  };
}
