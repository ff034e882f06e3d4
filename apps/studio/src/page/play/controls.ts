import { h } from '../dom.ts';
import { NORMS, type PlayQuantizer, type PlaySettings, STREAMS } from '../worker/play/settings.ts';
import { LEARNING_RATE, parseNumber, parseOption, type Range, SEED } from './hash.ts';

/** The controls of some settings; a change gives new ones. */
export function controlsOf(
  settings: PlaySettings,
  quantizers: readonly PlayQuantizer[],
  onChange: (settings: PlaySettings) => void,
): HTMLElement {
  const { quantizer: name, options, stream, norm } = settings;
  const quantizer = quantizers.find((each) => each.name === name);
  const own = quantizer?.controls ?? [];
  const inputs = own.map(({ option, title, ...range }) => {
    const value = options[option] ?? range.value;
    const change = (next: typeof value): void => onChange({ ...settings, options: { ...options, [option]: next } });
    if (typeof value === 'boolean') {
      return h(
        'label',
        {},
        h('input', { type: 'checkbox', name: option, checked: value, onchange: toggled(change) }),
        ` ${title}`,
      );
    }
    const input = h('input', { type: 'text', inputMode: 'decimal', name: option, value: String(value), size: 7 });
    input.addEventListener('change', () => {
      const next = parseOption(input.value, value, range);
      if (next === undefined) refuse(input, range);
      else change(next);
    });
    return h('label', { title: rangeText(range) }, `${title} `, input);
  });
  const number = (label: string, key: 'learningRate' | 'seed', range: Range): HTMLElement => {
    const input = h('input', { type: 'text', inputMode: 'decimal', name: key, value: String(settings[key]), size: 7 });
    input.addEventListener('change', () => {
      const next = parseNumber(input.value, range);
      if (next === undefined) refuse(input, range);
      else onChange({ ...settings, [key]: next });
    });
    return h('label', { title: rangeText(range) }, `${label} `, input);
  };
  // Another quantizer has other options: each begins at its defaults.
  const pick = (value: string): void => onChange({ ...settings, quantizer: value, options: {} });
  return h(
    'form',
    { className: 'controls column', onsubmit: (event: Event) => event.preventDefault() },
    h(
      'label',
      {},
      'Quantizer ',
      select(
        'quantizer',
        quantizers.map((each) => [each.name, each.title]),
        name,
        pick,
      ),
    ),
    ...inputs,
    h(
      'label',
      {},
      'Normalisation of latents ',
      select('norm', Object.entries(NORMS), norm, (value) =>
        onChange({ ...settings, norm: value as keyof typeof NORMS }),
      ),
    ),
    h(
      'label',
      {},
      'Stream of points ',
      select('stream', Object.entries(STREAMS), stream, (value) =>
        onChange({ ...settings, stream: value as keyof typeof STREAMS }),
      ),
    ),
    number('Learning rate', 'learningRate', LEARNING_RATE),
    number('Seed', 'seed', SEED),
  );
}

function select(
  name: string,
  choices: readonly (readonly [value: string, title: string])[],
  chosen: string,
  onPick: (value: string) => void,
): HTMLSelectElement {
  const element = h(
    'select',
    { name },
    ...choices.map(([value, title]) => new Option(title, value, false, value === chosen)),
  );
  element.addEventListener('change', () => onPick(element.value));
  return element;
}

function toggled(change: (value: boolean) => void): (event: Event) => void {
  return ({ target }) => change((target as HTMLInputElement).checked);
}

function rangeText({ min, max }: Range): string {
  return `${min} to ${max}`;
}

function refuse(input: HTMLInputElement, range: Range): void {
  input.setCustomValidity(`${range.isInteger ? 'Integers' : 'Numbers'} from ${rangeText(range)}.`);
  input.reportValidity();
  input.setCustomValidity('');
}
