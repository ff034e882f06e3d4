import { basename } from 'node:path';
import { counted } from '@vqkit/schema';
import type { ImagePairs } from '../report-data.ts';
import { curveFigures, entropyFigures, histogramFigures } from './figures.ts';
import { fixed, significant, words } from './format.ts';
import { type Html, html, trusted } from './html.ts';
import { layersSection } from './layer-tables.ts';
import { optionsTable } from './options-table.ts';
import { stripPng } from './pictures.ts';
import type { Run } from './read-run.ts';
import { runDot, runStyle } from './runs.ts';
import { STYLE } from './style.ts';
import { bitsText, summaryTable, tokensPerImage } from './summary-table.ts';

const PICTURES = 16;

/**
 * The report as one HTML page: no script, no address; the content policy forbids the browser to load anything.
 */
export async function renderPage(runs: readonly Run[]): Promise<string> {
  const title = `${inWords([...new Set(runs.map(({ name }) => name))])} on ${inWords([...new Set(runs.map(dataTitle))])}`;
  const [pictures, curves, entropies, histograms] = await Promise.all([
    pictureStrips(runs),
    curveFigures(runs),
    entropyFigures(runs),
    histogramFigures(runs),
  ]);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
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
<p class="hint">On ${inWords([...new Set(runs.map(({ data }) => significant(data.summary.testImages, 9)))])} test images.</p>
${summaryTable(runs)}
${optionsTable(runs)}</section>
<section><h2>In pictures</h2>
<p class="hint">Test images, and what each run makes of them from its tokens alone.</p>
${pictures}</section>
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
<p class="hint">How often each code occurs on the test images, most used first; logarithmic. A flat curve at the dashed line would be even use.</p>
<div class="charts">${histograms}</div></section>
${layersSection(runs)}
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
    const psnr = quality.psnrDb === null ? '' : ` and a PSNR of ${fixed(quality.psnrDb, 1)} dB`;
    return `an L1 of ${fixed(quality.l1, 4)}${psnr}, from ${many(tokensPerImage(run), 'token')} of ${fixed(codes.bitsPerToken, 1)} bits an image`;
  };
  const [first] = runs;
  if (runs.length === 1 && first !== undefined) return `Test images come back with ${describe(first)}.`;
  const closest = runs.reduce((a, b) => (b.data.summary.test.quality.l1 < a.data.summary.test.quality.l1 ? b : a));
  const evenest = runs.reduce((a, b) =>
    b.data.summary.test.codes.perplexity > a.data.summary.test.codes.perplexity ? b : a,
  );
  const { codes } = evenest.data.summary.test;
  return `${closest.name} comes closest to the test images, with ${describe(closest)}. ${evenest.name} uses its codes most evenly: ${significant(codes.used)} of ${significant(codes.codebookSize, 9)}, with a perplexity of ${fixed(codes.perplexity, 0)}.`;
}

function many(count: number, noun: string): string {
  return counted(count, noun, significant(count, 9));
}

/** What the runs have in common; what differs is left to the details. */
function facts(runs: readonly Run[]): string {
  const same = (value: (run: Run) => string): string[] => {
    const values = new Set(runs.map(value));
    return values.size === 1 ? [...values] : [];
  };
  return [
    ...same(({ data }) => `${many(data.summary.steps, 'step')} of ${many(data.config.batchSize, 'image')}`),
    ...same(({ data }) => many(data.summary.trainImages, 'training image')),
    ...same(({ data }) =>
      data.summary.skippedImages > 0 ? `${many(data.summary.skippedImages, 'unreadable image')} left out` : '',
    ),
    ...same(({ data }) => `seed ${data.summary.seed}`),
    ...same(({ data }) => `engine ${data.summary.engine}`),
  ]
    .filter((fact) => fact !== '')
    .join(' · ');
}

async function pictureStrips(runs: readonly Run[]): Promise<Html> {
  const [first] = runs;
  const shared = runs.every(({ data }) => sameOriginals(data.images, first?.data.images ?? data.images));
  const strips = await Promise.all(
    runs.map(async (run, i) => {
      const { name, data } = run;
      const { l1 } = data.summary.test.quality;
      const originals = i === 0 || !shared ? await strip('Originals', data.images, 'originals') : undefined;
      const label = html`${runDot(i)}${name} <small>L1 ${fixed(l1, 4)}, ${many(tokensPerImage(run), 'token')} and ${bitsText(run)} bits an image</small>`;
      return html`${originals}${await strip(label, data.images, 'reconstructions')}`;
    }),
  );
  // A box that is ticked by a click on any picture or by the space bar: the page runs no script.
  return html`<input type="checkbox" class="zoom" id="enlarge"><label class="enlarge" for="enlarge">Enlarge the pictures</label>
<div class="scroll"><div class="strips">${strips}</div></div>`;
}

async function strip(label: Html | string, images: ImagePairs, which: 'originals' | 'reconstructions'): Promise<Html> {
  const count = Math.min(images.count, PICTURES);
  if (count === 0) return html`<p>${label}</p><p class="hint">No images.</p>`;
  const png = await stripPng(images, which, PICTURES);
  const aspect = (count * (images.width + 2)) / images.width;
  const crisp = images.width < 64 ? html` class="pixels"` : '';
  const source = `data:image/png;base64,${png.toString('base64')}`;
  const size = `--least: ${Math.round(44 * aspect)}px; --most: ${Math.round(Math.max(64, images.width) * aspect)}px; --large: ${Math.round(Math.max(180, 2 * images.width) * aspect)}px`;
  return html`<p>${label}</p><label class="strip" for="enlarge" style="${size}"><img${crisp} alt="${count} ${which}" src="${source}"></label>`;
}

function sameOriginals(a: ImagePairs, b: ImagePairs): boolean {
  return (
    a.width === b.width &&
    a.height === b.height &&
    a.channels === b.channels &&
    a.count === b.count &&
    a.originals.every((pixel, i) => pixel === b.originals[i])
  );
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
  const { test, ...summary } = data.summary;
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
