import { type Html, html } from './html.ts';

const COLORS = 8;

/** The colour of the i-th run, the same in the whole report. */
export function runColor(i: number): string {
  return `var(--run-${i % COLORS})`;
}

export function runStyle(i: number): string {
  return `--run: ${runColor(i)}`;
}

export function runDot(i: number): Html {
  return html`<span class="dot" style="${runStyle(i)}"></span>`;
}
