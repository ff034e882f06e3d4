// The page: its views, one at a time, by the address's hash.
import { byId, h } from './dom.ts';
import { readShown, type Shown } from './shown.ts';
import { tryView } from './try/try.ts';
import type { OpenView, View } from './view.ts';

const VIEWS: readonly View[] = [tryView];

let open: OpenView | undefined;
let opened = '';

function show(shown: readonly Shown[]): void {
  const [name = '', settings = ''] = location.hash.slice(1).split('?', 2);
  const view = VIEWS.find((each) => each.name === name) ?? firstView(shown);
  if (opened === location.hash && open !== undefined) return;
  open?.close();
  opened = location.hash;
  open = view.open({
    shown,
    settings: new URLSearchParams(settings),
    keep(kept) {
      opened = `#${view.name}?${kept}`;
      history.replaceState(undefined, '', opened);
    },
  });
  byId('view').replaceChildren(open.element);
  byId('views').replaceChildren(
    ...VIEWS.map(({ name: each, title }) =>
      h('a', { href: `#${each}`, 'aria-current': each === view.name ? 'page' : undefined }, title),
    ),
  );
  document.title = `${view.title}, vqkit studio`;
}

function firstView(_shown: readonly Shown[]): View {
  return tryView;
}

const shown = await readShown();
addEventListener('hashchange', () => {
  show(shown);
  byId('view').focus();
});
show(shown);
