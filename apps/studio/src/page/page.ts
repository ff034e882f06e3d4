// The page: its views, one at a time, by the address's hash.
import { byId, h } from './dom.ts';
import { liveView } from './live/live.ts';
import { playView } from './play/play.ts';
import { readShown, type Shown } from './shown.ts';
import { tryView } from './try/try.ts';
import type { OpenView, View } from './view.ts';

const VIEWS: readonly View[] = [liveView, playView, tryView];

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

/** Who brings something wants to see it. */
function firstView(shown: readonly Shown[]): View {
  if (shown.some(({ isRun }) => isRun)) return liveView;
  return shown.length > 0 ? tryView : playView;
}

const shown = await readShown();
addEventListener('hashchange', () => {
  show(shown);
  byId('view').focus();
});
show(shown);
