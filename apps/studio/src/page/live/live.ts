import type { RunEvent } from '../../live-events.ts';
import { h } from '../dom.ts';
import type { OpenView, View, ViewContext } from '../view.ts';
import { createRunCard } from './run-card.ts';

/** Between two drawings, so that a run of any length leaves the page free. */
const DRAW_MS = 300;

/** Runs side by side, as they train and after it. */
export const liveView: View = { name: 'live', title: 'Live', open };

function open({ shown }: ViewContext): OpenView {
  const byNumber = shown.map(({ name, isRun }) => (isRun ? createRunCard(name) : undefined));
  const cards = byNumber.filter((card) => card !== undefined);
  const source = cards.length === 0 ? undefined : new EventSource('events');
  source?.addEventListener('open', () => {
    for (const card of cards) card.reset();
  });
  source?.addEventListener('message', ({ data }: MessageEvent<string>) => {
    const { run, event } = JSON.parse(data) as RunEvent;
    byNumber[run]?.take(event);
  });
  source?.addEventListener('error', () => {
    for (const card of cards) card.disconnected();
  });
  let closed = false;
  let drawn = 0;
  const draw = (now: number): void => {
    if (closed) return;
    if (now - drawn >= DRAW_MS) {
      drawn = now;
      for (const card of cards) card.draw();
    }
    requestAnimationFrame(draw);
  };
  requestAnimationFrame(draw);
  const element =
    cards.length === 0
      ? h(
          'section',
          {},
          h(
            'p',
            { id: 'status' },
            'No run is shown. Start the page with run folders: vqkit studio runs/first runs/second',
          ),
        )
      : h('div', { className: 'runs' }, ...cards.map((card) => card.element));
  return {
    element,
    close() {
      closed = true;
      source?.close();
      for (const card of cards) card.close();
    },
  };
}
