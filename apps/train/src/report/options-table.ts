import { show } from '@vqkit/core-tensor/errors';
import { type Html, html } from './html.ts';
import type { Run } from './read-run.ts';
import { runDot } from './runs.ts';

/** Where a run lies is its name, not an option that changes a result. */
const NO_DIFFERENCE = ['outDir', 'preset'];
const ABSENT = '–';

/** The options that differ between runs, a row each; nothing for one run. */
export function optionsTable(runs: readonly Run[]): Html | undefined {
  if (runs.length < 2) return undefined;
  const options = runs.map(({ data }) => flat(data.config));
  const names = [...new Set(options.flatMap((each) => [...each.keys()]))];
  const differing = names.filter((name) => new Set(options.map((each) => each.get(name) ?? ABSENT)).size > 1);
  if (differing.length === 0) return html`<p class="hint">The runs have the same options.</p>`;
  // Options that only one kind of quantizer has say less, and are many.
  const shared = differing.filter((name) => options.every((each) => each.has(name)));
  const others = differing.filter((name) => !shared.includes(name));
  const table = (chosen: readonly string[]): Html => {
    const head = runs.map(({ name }, i) => html`<th scope="col">${runDot(i)}${name}</th>`);
    const rows = chosen.map(
      (name) =>
        html`<tr><th scope="row">${name}</th>${options.map((each) => html`<td>${each.get(name) ?? ABSENT}</td>`)}</tr>`,
    );
    return html`<div class="scroll"><table><thead><tr><td>Option</td>${head}</tr></thead><tbody>${rows}</tbody></table></div>`;
  };
  return html`<h3 class="differ">What differs between the runs</h3>
${shared.length > 0 ? table(shared) : undefined}
${others.length > 0 ? html`<details><summary>Options that not all of them have: ${others.length}</summary>${table(others)}</details>` : undefined}`;
}

/** Options by their names, those of the quantizer too. */
function flat(config: object): Map<string, string> {
  const entries = Object.entries(config).filter(([name]) => !NO_DIFFERENCE.includes(name));
  return new Map(
    entries.flatMap(([name, value]): [string, string][] =>
      name === 'quantizerOptions' && typeof value === 'object' && value !== null
        ? Object.entries(value).map(([inner, each]) => [`quantizerOptions.${inner}`, textOf(each)])
        : [[name, textOf(value)]],
    ),
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : show(value);
}
