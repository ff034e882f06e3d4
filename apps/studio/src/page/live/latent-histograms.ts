import type { LiveConfig, LiveEvent } from '../../live-events.ts';
import { drawBars } from '../charts/bars.ts';
import { shortNumber } from '../charts/chart.ts';
import { h } from '../dom.ts';

/** How latents lie to their codes and, of FSQ, to their limits. */
export interface LatentHistogramsView {
  readonly element: HTMLElement;
  show(latents: Extract<LiveEvent, { kind: 'snapshot' }>['latents'], config: LiveConfig | undefined): void;
}

/** Share of the limit from which on a feature counts as at its limit: the slope of tanh is below 0.2 there. */
const AT_LIMIT = 0.9;

export function createLatentHistograms(): LatentHistogramsView {
  const element = h('div', { className: 'histograms' });
  return {
    element,
    show(latents, config) {
      if (latents === undefined) {
        const text = 'Angles and shares of the limit were not recorded: the run was written by an earlier version.';
        element.replaceChildren(h('p', { className: 'note' }, text));
        return;
      }
      const { angles, limits } = latents;
      element.replaceChildren(
        ...(angles === null ? [] : [angleFigure(angles)]),
        ...(limits === null ? [] : [h('h3', {}, 'Share of the limit that features reach, -1 to 1')]),
        ...(limits ?? []).map((counts, i) => limitFigure(counts, i, config?.levels[i])),
      );
    },
  };
}

function angleFigure(angles: readonly number[]): HTMLElement {
  const pairs = sum(angles);
  const beyond = sum(angles.slice(angles.length / 2));
  const caption = `${percent(beyond, pairs)} of ${pairs} latents of the newest validation lie beyond the line at 90°.`;
  const canvas = bars(320, `Angles between latents and codes, 0 to 180 degrees. ${caption}`);
  drawBars(canvas, angles, (bin) => bin >= angles.length / 2, 0.5);
  return figure('Angle between a latent and its code, 0 to 180°', canvas, caption);
}

function limitFigure(counts: readonly number[], feature: number, levels: number | undefined): HTMLElement {
  const middle = (bin: number): number => Math.abs((2 * (bin + 0.5)) / counts.length - 1);
  const all = sum(counts);
  const mean = counts.reduce((total, count, bin) => total + count * middle(bin), 0) / Math.max(1, all);
  const at = sum(counts.filter((_, bin) => middle(bin) > AT_LIMIT));
  const name = `feature ${feature + 1}${levels === undefined ? '' : `, ${levels} levels`}`;
  const caption = `${name}: ${shortNumber(mean)} of the limit on average, ${percent(at, all)} within a tenth of it`;
  const canvas = bars(160, `Share of the limit, ${caption}`);
  drawBars(canvas, counts, (bin) => middle(bin) > AT_LIMIT);
  return h('figure', { className: 'small' }, canvas, h('figcaption', { className: 'note' }, caption));
}

function bars(width: number, label: string): HTMLCanvasElement {
  const canvas = h('canvas', { width, height: 90, role: 'img' });
  canvas.setAttribute('aria-label', label);
  return canvas;
}

function figure(title: string, canvas: HTMLCanvasElement, caption: string): HTMLElement {
  return h('figure', {}, h('h3', {}, title), canvas, h('figcaption', { className: 'note' }, caption));
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function percent(count: number, all: number): string {
  return `${shortNumber((100 * count) / Math.max(1, all))} %`;
}
