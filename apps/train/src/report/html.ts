/** A piece of HTML that is safe to insert: only {@link html} and {@link trusted} make one. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a `${…}` of {@link html}. */
export type Insert = Html | string | number | readonly Insert[] | undefined;

/**
 * HTML in which every inserted text is escaped, so that no name of a run, file or code can become markup. Lists are joined,
 * undefined is nothing.
 *
 * @example
 * html`<td title="${name}">${value}</td>`
 */
export function html(strings: TemplateStringsArray, ...inserts: Insert[]): Html {
  return new Html(String.raw({ raw: strings }, ...inserts.map(write)));
}

/** Markup from a source that escapes for itself: our style sheet, vega's SVG. */
export function trusted(text: string): Html {
  return new Html(text);
}

function write(insert: Insert): string {
  if (insert === undefined) return '';
  if (insert instanceof Html) return insert.text;
  if (typeof insert === 'object') return insert.map(write).join('');
  return String(insert).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
