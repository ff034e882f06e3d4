import { h } from '../dom.ts';
import { createEditor, idColor } from './edit.ts';
import type { Trial, TrialContext } from './trial.ts';

/** Rows and columns that a table shows; all rows are tokenized. */
const SHOWN = { rows: 200, numbers: 32, ids: 16 };
/** Numbers to begin with, at most. */
const MOST_NUMBERS = 2 ** 20;

/** Rows of numbers in, their token ids, and the numbers that these give back. */
export function showVectors({ facts, engine, say, fail }: TrialContext): Trial {
  const { channels: features, numCodebooks, codebookSize } = facts;
  const file = h('input', { id: 'file', type: 'file', accept: '.npy,.json,.csv,.txt' });
  const box = h('textarea', { id: 'rows', rows: 6, cols: 60, spellcheck: false });
  box.setAttribute('aria-label', `Rows of ${features} numbers`);
  const table = h('table', { id: 'ids', className: 'numbers' });
  const pair = h('table', { id: 'decoded', className: 'numbers' });
  const undo = h('button', { id: 'undo', type: 'button', hidden: true }, 'The vector’s own ids');

  let values: Float32Array = exampleRows(features);
  let ids = new Int32Array();
  let own = new Int32Array();
  let chosen = 0;

  const tokenize = async (): Promise<void> => {
    const runs = engine();
    if (runs === undefined) return;
    const began = performance.now();
    const found = await runs.call('encodeVectors', values);
    own = Int32Array.from(found);
    ids = own.slice();
    await showChosen();
    const rows = values.length / features;
    const limited = rows > SHOWN.rows ? ` The first ${SHOWN.rows} are shown.` : '';
    say(
      `${runs.words}: ${(performance.now() - began).toFixed(1)} ms. ${rows} ${rows === 1 ? 'vector' : 'vectors'}.${limited}`,
    );
  };
  const tokenOf = (row: number): Int32Array => ids.subarray(row * numCodebooks, (row + 1) * numCodebooks);
  const rowOf = (row: number): Float32Array => values.subarray(row * features, (row + 1) * features);

  const showIds = (): void => {
    const rows = Math.min(values.length / features, SHOWN.rows);
    const lines = Array.from({ length: rows }, (_, i) => {
      const token = [...tokenOf(i)];
      const choose = h('button', { type: 'button', 'aria-pressed': String(i === chosen) }, `vector ${i + 1}`);
      choose.addEventListener('click', () => {
        chosen = i;
        showChosen().catch(fail);
      });
      const cells = token.slice(0, SHOWN.ids).map((id) => {
        const cell = h('td', { title: String(id) }, String(id));
        cell.style.borderLeft = `6px solid ${idColor(id, codebookSize)}`;
        return cell;
      });
      return h('tr', {}, h('th', { scope: 'row' }, choose), ...cells);
    });
    table.replaceChildren(h('caption', {}, 'Token ids'), ...lines);
  };
  const showChosen = async (): Promise<void> => {
    chosen = Math.min(chosen, values.length / features - 1);
    editor.edit(`Vector ${chosen + 1}`, [...tokenOf(chosen)].slice(0, SHOWN.ids));
    await showDecoded();
  };
  const showDecoded = async (): Promise<void> => {
    showIds();
    const decoded = await engine()?.call('decodeVectors', Int32Array.from(tokenOf(chosen)));
    if (decoded === undefined) return;
    const given = rowOf(chosen);
    const lines = Array.from({ length: Math.min(features, SHOWN.numbers) }, (_, j) =>
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, String(j)),
        h('td', {}, numberText(given[j])),
        h('td', {}, numberText(decoded[j])),
      ),
    );
    const error = given.reduce((sum, value, j) => sum + (value - (decoded[j] ?? Number.NaN)) ** 2, 0) / features;
    pair.replaceChildren(
      h('caption', {}, `Vector ${chosen + 1}, mean squared error ${numberText(error)}`),
      h('tr', {}, h('th', {}, 'number'), h('th', {}, 'given'), h('th', {}, 'decoded')),
      ...lines,
    );
  };
  const editor = createEditor(codebookSize, (token) => {
    ids.set(token, chosen * numCodebooks);
    undo.hidden = false;
    showDecoded().catch(fail);
  });
  undo.addEventListener('click', () => {
    ids = own.slice();
    undo.hidden = true;
    showChosen().catch(fail);
  });
  const take = async (name: string, bytes: Promise<Uint8Array>): Promise<void> => {
    const read = await engine()?.call('readVectors', name, await bytes);
    if (read === undefined) return;
    values = read;
    undo.hidden = true;
    await tokenize();
  };
  const takeFile = (given: File | undefined): void => {
    if (given === undefined) return;
    take(
      given.name,
      given.arrayBuffer().then((buffer) => new Uint8Array(buffer)),
    ).catch(fail);
  };
  file.addEventListener('change', () => takeFile(file.files?.[0]));
  box.addEventListener(
    'change',
    () => void take('rows.csv', Promise.resolve(new TextEncoder().encode(box.value))).catch(fail),
  );
  box.addEventListener('dragover', (event) => event.preventDefault());
  box.addEventListener('drop', (event) => {
    event.preventDefault();
    takeFile(event.dataTransfer?.files[0]);
  });
  box.value = textOf(values, features);

  const element = h(
    'div',
    {},
    h('h2', {}, 'Vectors'),
    h('p', { className: 'note' }, `Rows of ${features} numbers: type them, or drop a .npy, .json or .csv file.`),
    box,
    h('div', { className: 'controls' }, h('label', { className: 'button' }, 'Open …', file)),
    h(
      'div',
      { className: 'columns' },
      h('div', { className: 'scroll', tabIndex: 0 }, table),
      h('div', {}, editor.element, undo, h('div', { className: 'scroll', tabIndex: 0 }, pair)),
    ),
  );
  return { element, refresh: () => void tokenize().catch(fail) };
}

/** Something to begin with: waves of different lengths. */
function exampleRows(features: number): Float32Array {
  const rows = Math.max(1, Math.min(4, Math.floor(MOST_NUMBERS / features)));
  return Float32Array.from({ length: rows * features }, (_, i) => {
    const [row, j] = [Math.floor(i / features), i % features];
    return Math.sin(((row + 1) * (j + 1)) / 2);
  });
}

/** Rows as they are typed; only of narrow vectors. */
function textOf(values: Float32Array, features: number): string {
  if (features > SHOWN.numbers) return '';
  const rows = Array.from({ length: values.length / features }, (_, i) =>
    values.subarray(i * features, (i + 1) * features),
  );
  return rows.map((row) => Array.from(row, numberText).join(', ')).join('\n');
}

function numberText(value: number | undefined): string {
  return String(Number((value ?? Number.NaN).toPrecision(4)));
}
