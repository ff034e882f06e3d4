import { depthFigure } from './figures.ts';
import { fixed, significant } from './format.ts';
import { type Html, html } from './html.ts';
import type { Run } from './read-run.ts';
import { runDot, runStyle } from './runs.ts';

/** A section with one table per run that has layers, and their errors as a chart; nothing when none has. */
export async function layersSection(runs: readonly Run[]): Promise<Html | undefined> {
  const tables = runs.map(layerTable).filter((table) => table !== undefined);
  if (tables.length === 0) return undefined;
  return html`<section><h2>Layers</h2>
<p class="hint">Each layer of a residual quantizer, coarsest first. Error: what is left of the latents after the layer, as a share of their energy, and where it is known of their variance.</p>
${tables}
<div class="charts wide">${await depthFigure(runs)}</div></section>`;
}

function layerTable({ name, data }: Run, i: number): Html | undefined {
  const { layers } = data.summary.test.codes;
  if (layers === undefined) return undefined;
  const hasVariance = layers.some(({ errorOfVariance }) => errorOfVariance !== undefined);
  const rows = layers.map(({ used, codebookSize, utilization, perplexity, error, errorOfVariance }, j) => {
    const width = `width: ${Math.round(100 * Math.min(1, Math.max(0, utilization)))}%`;
    return html`<tr><th scope="row">${String(j)}</th>
<td style="${runStyle(i)}">${significant(used, 9)} <small>of ${significant(codebookSize, 9)}</small><span class="meter"><i style="${width}"></i></span></td>
<td>${fixed(perplexity, 1)}</td>
<td>${error === null ? '–' : significant(error, 3)}</td>${hasVariance ? html`<td>${significant(errorOfVariance, 3)}</td>` : undefined}</tr>`;
  });
  return html`<h3>${runDot(i)}${name}</h3>
<div class="scroll"><table><thead><tr><td>Layer</td><th scope="col">Codes used</th><th scope="col">Perplexity</th><th scope="col">Error</th>${hasVariance ? html`<th scope="col">of variance</th>` : undefined}</tr></thead><tbody>${rows}</tbody></table></div>`;
}
