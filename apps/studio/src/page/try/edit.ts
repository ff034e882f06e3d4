import { h } from '../dom.ts';

/** Where the ids of one token are changed. */
export interface TokenEditor {
  readonly element: HTMLElement;
  /** Offers the ids of a token. */
  edit(name: string, ids: readonly number[]): void;
}

/** @param onChange gets the ids of the token when one of them was changed. */
export function createEditor(codebookSize: number, onChange: (ids: number[]) => void): TokenEditor {
  const element = h(
    'div',
    { className: 'controls', id: 'edit' },
    h('span', { className: 'note' }, 'Choose a token to change its ids.'),
  );
  return {
    element,
    edit(name, ids) {
      let last = [...ids];
      const inputs = ids.map((id, j) =>
        h('input', {
          type: 'number',
          min: '0',
          max: String(codebookSize - 1),
          value: String(id),
          'aria-label': ids.length === 1 ? `Id of ${name}` : `Id ${j + 1} of ${name}`,
          onchange: () => {
            // What is no id leaves the token as it was.
            for (const [i, input] of inputs.entries()) if (!input.checkValidity()) input.value = String(last[i]);
            last = inputs.map((input) => Number(input.value));
            onChange(last);
          },
        }),
      );
      element.replaceChildren(h('span', {}, name), ...inputs);
    },
  };
}

/** A colour for each id. */
export function idColor(id: number, codebookSize: number): string {
  return `hsl(${(360 * id) / codebookSize} 70% 75%)`;
}
