import { basename } from 'node:path';
import { modalityOf } from '../modalities.ts';
import type { ModalityShown } from '../modality.ts';
import { curveFigures, entropyFigures, histogramFigures } from './figures.ts';
import { fixed, significant, words } from './format.ts';
import { type Html, html, trusted } from './html.ts';
import { layersSection } from './layer-tables.ts';
import { optionsTable } from './options-table.ts';
import type { Run } from './read-run.ts';
import { runDot, runStyle } from './runs.ts';
import { STYLE } from './style.ts';
import { summaryTable } from './summary-table.ts';
import { many, tokensText } from './tokens.ts';

/**
 * The report as one HTML page: no script, no address; the content policy forbids the browser to load anything.
 */
export async function renderPage(runs: readonly Run[]): Promise<string> {
  const title = `${inWords([...new Set(runs.map(({ name }) => name))])} on ${inWords([...new Set(runs.map(dataTitle))])}`;
  const kinds = kindsOf(runs);
  const [examples, curves, entropies, histograms, layers] = await Promise.all([
    Promise.all(kinds.map(({ shown, ofIt }) => shown.examples(ofIt))),
    curveFigures(runs),
    entropyFigures(runs),
    histogramFigures(runs),
    layersSection(runs),
  ]);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>${title} · vqkit</title>
<link rel="icon" href="data:,">
<style>${trusted(STYLE)}</style>
</head>
<body>
<main>
<header>
<p class="brand">vqkit · training report</p>
<h1>${title}</h1>
<p class="lead">${lead(runs)}</p>
<p class="facts">${facts(runs)}</p>
</header>
<section><h2>In numbers</h2>
<p class="hint">On ${inWords([...new Set(runs.map((run) => many(run.data.summary.testExamples, `test ${nounOf(run)}`)))])}.</p>
${summaryTable(runs)}
${optionsTable(runs)}</section>
${examples}
<section><h2>Diagnosis</h2>
<p class="hint">What the metrics say is wrong, and what to try.</p>
<div class="findings">${runs.map(findings)}</div></section>
<section><h2>Training</h2>
${legend(runs)}
<div class="charts wide">${curves}</div></section>
<section><h2>Entropies</h2>
<p class="hint">In nats. ln K is the most that K codes allow; ln N is the most that a batch of N tokens can show once every token is sure of its code.</p>
<div class="charts">${entropies}</div></section>
<section><h2>Use of the codes</h2>
<p class="hint">How often each code occurs in the test, most used first; logarithmic. A flat curve at the dashed line would be even use.</p>
<div class="charts">${histograms}</div></section>
${layers}
<section><h2>All numbers</h2>
${runs.map(details)}</section>
<footer>Written by vqkit. The page holds everything it shows.</footer>
</main>
</body>
</html>
`.text;
}

function lead(runs: readonly Run[]): string {
  const describe = (run: Run): string => {
    const { quality, codes } = run.data.summary.test;
    const { noun, headline } = shownOf(run);
    return `${headline(quality)}, from ${tokensText(run)} of ${fixed(codes.bitsPerToken, 1)} bits ${article(noun)}`;
  };
  const [first] = runs;
  const nouns = new Set(runs.map(nounOf));
  if (first === undefined) return '';
  if (runs.length === 1) return `${capital(`test ${nounOf(first)}s`)} come back with ${describe(first)}.`;
  const closest = runs.reduce((a, b) => (b.data.summary.test.quality.l1 < a.data.summary.test.quality.l1 ? b : a));
  const evenest = runs.reduce((a, b) =>
    b.data.summary.test.codes.perplexity > a.data.summary.test.codes.perplexity ? b : a,
  );
  const { codes } = evenest.data.summary.test;
  const close =
    nouns.size > 1 ? '' : `${closest.name} comes closest to the test ${nounOf(first)}s, with ${describe(closest)}. `;
  return `${close}${evenest.name} uses its codes most evenly: ${significant(codes.used)} of ${significant(codes.codebookSize, 9)}, with a perplexity of ${fixed(codes.perplexity, 0)}.`;
}

function shownOf({ data }: Run): ModalityShown {
  return modalityOf(data.config.data).shown;
}

function nounOf(run: Run): string {
  return shownOf(run).noun;
}

/** The kinds of data of the runs, and the runs of each. */
function kindsOf(runs: readonly Run[]): { readonly shown: ModalityShown; readonly ofIt: readonly Run[] }[] {
  return [...new Set(runs.map(shownOf))].map((shown) => ({
    shown,
    ofIt: runs.filter((run) => shownOf(run) === shown),
  }));
}

function article(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

/** What the runs have in common; what differs is left to the details. */
function facts(runs: readonly Run[]): string {
  const same = (value: (run: Run) => string): string[] => {
    const values = new Set(runs.map(value));
    return values.size === 1 ? [...values] : [];
  };
  return [
    ...same((run) => `${many(run.data.summary.steps, 'step')} of ${many(run.data.config.batchSize, nounOf(run))}`),
    ...same((run) => many(run.data.summary.trainExamples, `training ${nounOf(run)}`)),
    ...same((run) => {
      const { skippedExamples } = run.data.summary;
      return skippedExamples > 0 ? `${many(skippedExamples, `unreadable ${nounOf(run)}`)} left out` : '';
    }),
    ...same(({ data }) => `seed ${data.summary.seed}`),
    ...same(({ data }) => `engine ${data.summary.engine}`),
  ]
    .filter((fact) => fact !== '')
    .join(' · ');
}

function findings({ name, data }: Run, i: number): Html {
  const title = html`<h3>${runDot(i)}${name}</h3>`;
  if (data.diagnosis.length === 0) {
    return html`<div class="finding good">${title}<p class="verdict">Nothing wrong found.</p></div>`;
  }
  const list = data.diagnosis.map(
    (finding) =>
      html`<p><span class="verdict ${finding.severity}">${capital(words(finding.name))}.</span> ${finding.message}</p><p>Try: ${finding.remedy}</p>${finding.command === undefined ? undefined : html`<pre class="command">${finding.command}</pre>`}`,
  );
  const worst = data.diagnosis.some(({ severity }) => severity === 'critical') ? 'finding critical' : 'finding';
  return html`<div class="${worst}">${title}${list}</div>`;
}

function legend(runs: readonly Run[]): Html {
  return html`<div class="legend">${runs.map(({ name }, i) => html`<span>${runDot(i)}${name}</span>`)}</div>`;
}

function details({ name, folder, data }: Run, i: number): Html {
  const { test, ids: _, plain: __, ...summary } = data.summary;
  const numbers = { ...summary, ...test.quality, ...test.codes.statistics };
  const rows = Object.entries(numbers).map(
    ([key, value]) =>
      html`<tr><th scope="row">${words(key)}</th><td>${typeof value === 'string' ? value : significant(value, 6)}</td></tr>`,
  );
  return html`<details><summary style="${runStyle(i)}">${runDot(i)}${name} <small>${basename(folder)}</small></summary>
<div class="scroll"><table><tbody>${rows}</tbody></table></div>
<pre>${JSON.stringify(data.config, undefined, 2)}</pre></details>`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const DATA_TITLES: Readonly<Record<string, string>> = { mnist: 'MNIST' };

function dataTitle({ data }: Run): string {
  const { data: kind, dataPath } = data.config;
  return DATA_TITLES[kind] ?? (dataPath === undefined ? kind : basename(dataPath));
}

function inWords(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}
