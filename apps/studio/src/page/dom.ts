type Child = Node | string | undefined;

/** Properties and attributes of an element; a function is a listener, `undefined` is left out. */
type Given = Readonly<Record<string, unknown>>;

/**
 * An element with its children. Text becomes text nodes: nothing that comes from a file is ever read as markup.
 */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  given: Given = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (typeof value === 'function') element.addEventListener(name.replace(/^on/, ''), value as EventListener);
    else if (name in element) Object.assign(element, { [name]: value });
    else element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** The element of an id that stands in index.html. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no #${id}.`);
  return found as T;
}

/** The 2-d context of a canvas; `read` for one whose pixels are read. */
export function contextOf(canvas: HTMLCanvasElement, read = false): CanvasRenderingContext2D {
  const context = canvas.getContext('2d', { willReadFrequently: read });
  if (context === null) throw new Error('This browser has no canvas.');
  return context;
}
