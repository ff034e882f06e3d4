// The page: a picture in, its token ids, and the picture that they give back.
import type { ImageTokenizer } from '@vqkit/tokenizer';
import { contextOf, createDrawing } from './drawing.ts';
import { type EngineName, type Session, startSession, tokenize } from './engine.ts';

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const status = element('status');
const sizes = element<HTMLSelectElement>('size');
const engines = element<HTMLSelectElement>('engine');

/** Sides of pictures to choose from: that of MNIST, and usual ones. */
const SIZES = [28, 32, 64, 96, 128, 256];

let session: Session | undefined;
/** Whether the picture has changed since it was last tokenized. */
let changed = true;
let running = false;

const drawing = createDrawing(
  element('drawing'),
  () => {
    changed = true;
    void update();
  },
  fail,
);

/** Tokenizes what is there, once more if it changes meanwhile. */
async function update(): Promise<void> {
  if (running) return;
  running = true;
  try {
    while (changed && session !== undefined) {
      changed = false;
      await show(session, Number(sizes.value));
    }
  } catch (error) {
    fail(error);
  } finally {
    running = false;
  }
}

async function show(current: Session, size: number): Promise<void> {
  const { tokenizer, engine } = current;
  const { ids, decoded, milliseconds } = await tokenize(current, drawing.pixels(size), size);
  showIds(tokenizer, ids, size);
  const canvas = element<HTMLCanvasElement>('decoded');
  Object.assign(canvas, { width: size, height: size });
  contextOf(canvas).putImageData(new ImageData(decoded, size, size), 0, 0);
  const tokens = tokenizer.tokensPerImage(size, size);
  const bits = Math.round(tokens * tokenizer.bitsPerToken);
  status.textContent = `${engine}: ${milliseconds.toFixed(1)} ms. ${tokens} tokens, ${bits} bits for ${8 * size * size * tokenizer.config.channels}.`;
}

/** A cell for each token, with a colour for each id (of a stack, its first) and all ids in its title. */
function showIds({ tokenShape, numCodebooks, codebookSize }: ImageTokenizer, ids: Int32Array, size: number): void {
  const [rows = 0, columns = 0] = tokenShape(size, size);
  const table = element<HTMLTableElement>('ids');
  table.replaceChildren();
  for (let y = 0; y < rows; y++) {
    const row = table.insertRow();
    for (let x = 0; x < columns; x++) {
      const token = ids.subarray((y * columns + x) * numCodebooks, (y * columns + x + 1) * numCodebooks);
      const cell = row.insertCell();
      cell.title = [...token].join(', ');
      // Where cells are too small to read, colours are left.
      if (columns <= 8) cell.textContent = `${token.subarray(0, 2).join(' ')}${numCodebooks > 2 ? ' …' : ''}`;
      cell.style.backgroundColor = `hsl(${(360 * (token[0] ?? 0)) / codebookSize} 70% 75%)`;
    }
  }
}

function describe({ config, codebookSize, numCodebooks, bitsPerToken, imageMultiple }: ImageTokenizer): string {
  const codes = numCodebooks === 1 ? `${codebookSize} codes` : `${numCodebooks} × ${codebookSize} codes`;
  return `${config.quantizer}: ${codes}, ${bitsPerToken.toFixed(2)} bits per token, a token for ${imageMultiple} × ${imageMultiple} pixels.`;
}

/** Only sizes that are whole tokens. */
function offerSizes({ imageMultiple }: ImageTokenizer): void {
  const options = [...sizes.options];
  for (const option of options) option.disabled = Number(option.value) % imageMultiple !== 0;
  if (sizes.selectedOptions[0]?.disabled !== false)
    sizes.value = options.find(({ disabled }) => !disabled)?.value ?? '';
}

function fail(error: unknown): void {
  status.textContent = error instanceof Error ? error.message : String(error);
}

/** Starts an engine in place of the one that runs, which frees its own weights first. */
async function start(file: ArrayBuffer): Promise<void> {
  status.textContent = 'Starting …';
  engines.disabled = true;
  try {
    session?.tokenizer.dispose();
    session = undefined;
    session = await startSession(engines.value as EngineName, file);
    element('facts').textContent = describe(session.tokenizer);
    offerSizes(session.tokenizer);
    changed = true;
    await update();
  } catch (error) {
    fail(error);
  } finally {
    engines.disabled = false;
  }
}

async function open(): Promise<void> {
  const response = await fetch('tokenizer.safetensors');
  const file = await response.arrayBuffer();
  drawing.clear();
  sizes.append(...SIZES.map((size) => new Option(`${size} × ${size}`, String(size))));
  await start(file);
  engines.addEventListener('change', () => void start(file));
}

sizes.addEventListener('change', () => {
  changed = true;
  void update();
});
element('clear').addEventListener('click', drawing.clear);
element<HTMLInputElement>('file').addEventListener('change', ({ target }) => {
  const [file] = (target as HTMLInputElement).files ?? [];
  if (file !== undefined) drawing.show(file).catch(fail);
});
open().catch(fail);
