import type { LiveConfig, LiveDiagnosis, LiveEvent, LiveRecord } from '../../live-events.ts';
import { type Chart, COLORS, createChart, shortNumber } from '../charts/chart.ts';
import { type Curves, createCurves } from '../charts/curve.ts';
import { h } from '../dom.ts';
import { createCodesGrid } from './codes-grid.ts';
import { createExamples } from './examples.ts';
import { createLatentHistograms } from './latent-histograms.ts';

/** A run in the page. */
export interface RunCard {
  readonly element: HTMLElement;
  /** Forgets what was told: everything is told again. */
  reset(): void;
  take(event: LiveEvent): void;
  /** Says that nothing more comes for now. */
  disconnected(): void;
  /** Draws what has come since the last call. */
  draw(): void;
  close(): void;
}

/** A chart, and where its lines come from: names in records of a kind. */
interface Plot {
  readonly chart: Chart;
  readonly curves: Curves;
  readonly kind: LiveRecord['kind'];
  readonly names: readonly string[];
}

const STATES: Readonly<Record<Extract<LiveEvent, { kind: 'state' }>['state'], string>> = {
  training: 'not finished',
  finished: 'finished',
  failed: 'broke off',
  problem: 'cannot be read whole',
  gone: 'vanished',
};

export function createRunCard(name: string): RunCard {
  let config: LiveConfig | undefined;
  const facts = h('p', { className: 'note facts' });
  const state = h('output', { className: 'state' }, 'Connecting …');
  const now = h('p', { className: 'note now' });
  const diagnoses = h('ol', { className: 'diagnoses' });
  const examples = createExamples(() => config?.sampleRate ?? 0);
  const histograms = createLatentHistograms();
  const places = h('div', { className: 'places', role: 'group' });
  places.setAttribute('aria-label', 'Where the examples have this code');
  const codes = createCodesGrid((book, code) => places.replaceChildren(...examples.placesOf(book, code)));

  let last: Readonly<Record<string, number>> = {};
  let changed = true;
  const levels = (): { label: string; y: number }[] => {
    const { codebookSize, tokens } = last;
    const of = (label: string, value: number | undefined): { label: string; y: number }[] =>
      value === undefined || !(value > 0)
        ? []
        : [{ label: `ln ${label} = ${shortNumber(Math.log(value))}`, y: Math.log(value) }];
    return [...of('K', codebookSize), ...of('N', tokens)];
  };
  const plots: readonly Plot[] = [
    plot('Loss', 'train', [
      ['loss', 'loss', COLORS[0]],
      ['reconstruction', 'reconstruction', COLORS[2], [6, 3]],
      ['quantizer', 'quantizer', COLORS[3], [2, 3]],
    ]),
    plot('Entropy of a training batch, nats', 'train', [
      ['codebookEntropy', 'of the batch', COLORS[0]],
      ['perSampleEntropy', 'of a token', COLORS[1], [6, 3]],
    ]),
    plot(
      'Entropy of the codes in validation, nats; N: its tokens',
      'validation',
      [['entropy', 'codes in use', COLORS[0]]],
      levels,
    ),
    plot('Mean squared error in validation', 'validation', [['mse', 'mse', COLORS[1]]], undefined, true),
    plot('Share of latents beyond 90° of their code', 'validation', [['obtuseShare', 'share', COLORS[5]]]),
  ];

  const reset = (): void => {
    for (const { curves } of plots) curves.clear();
    last = {};
    changed = true;
  };
  const add = (record: LiveRecord): void => {
    const { kind, step } = record;
    const bits = record.values.bitsPerToken;
    const values = bits === undefined ? record.values : { ...record.values, entropy: bits * Math.LN2 };
    last = { ...last, ...values, step };
    for (const each of plots) {
      if (each.kind === kind)
        each.curves.push(
          step,
          each.names.map((value) => values[value] ?? Number.NaN),
        );
    }
    changed = true;
  };
  const on: { [Kind in LiveEvent['kind']]: (event: Extract<LiveEvent, { kind: Kind }>) => void } = {
    config: ({ config: given }) => {
      config = given;
      facts.textContent = `${given.quantizer} on ${given.data}, ${given.batchSize} a batch, ${given.engine}.`;
    },
    reset,
    records: ({ records }) => records.forEach(add),
    snapshot: ({ step, codebooks, latents, diagnoses: found, examples: pairs }) => {
      if (pairs !== undefined) examples.show(pairs, codebooks);
      codes.show(codebooks, step);
      histograms.show(latents, config);
      diagnoses.replaceChildren(...timeline(found, step));
    },
    state: ({ state: which, message }) => {
      state.classList.toggle('problem', which === 'failed' || which === 'problem' || which === 'gone');
      state.textContent = `${STATES[which]}: ${message}`;
    },
  };
  const element = h(
    'article',
    { className: 'run' },
    h('h2', {}, name),
    facts,
    h('div', { role: 'status', 'aria-live': 'polite' }, state),
    now,
    ...plots.map(({ chart }) => chart.element),
    h('h3', {}, 'Codes'),
    codes.element,
    places,
    histograms.element,
    h('h3', {}, 'Diagnosis'),
    diagnoses,
    h('h3', {}, 'Examples'),
    examples.element,
  );
  return {
    element,
    reset,
    take: (event) => on[event.kind]?.(event as never),
    disconnected() {
      state.classList.add('problem');
      state.textContent = 'The server does not answer. The page tries again.';
    },
    draw() {
      if (!changed) return;
      changed = false;
      for (const { chart, curves } of plots) {
        const data = curves.data();
        // A chart that this quantizer has nothing for is left out.
        chart.element.hidden = data.slice(1).every((column) => column.every((y) => y === null));
        if (!chart.element.hidden) chart.show(data);
      }
      now.textContent = summary(last, config);
    },
    close() {
      for (const { chart } of plots) chart.destroy();
    },
  };
}

function plot(
  title: string,
  kind: LiveRecord['kind'],
  lines: readonly (readonly [name: string, label: string, color: string, dash?: readonly number[]])[],
  levels?: () => readonly { readonly label: string; readonly y: number }[],
  isLog = false,
): Plot {
  const shown = lines.map(([, label, color, dash]) => ({ label, color, ...(dash === undefined ? {} : { dash }) }));
  const chart = createChart({ title, lines: shown, isLog, ...(levels === undefined ? {} : { levels }) });
  return { chart, curves: createCurves(lines.length), kind, names: lines.map(([name]) => name) };
}

function summary(values: Readonly<Record<string, number>>, config: LiveConfig | undefined): string {
  const { step, loss, used, codebookSize, perplexity } = values;
  if (step === undefined) return '';
  const parts = [
    `Step ${step}${config === undefined ? '' : ` of ${config.steps}`}`,
    loss === undefined ? '' : `loss ${shortNumber(loss)}`,
    used === undefined ? '' : `${Math.round(used)} of ${codebookSize} codes used`,
    perplexity === undefined ? '' : `perplexity ${shortNumber(perplexity)}`,
  ];
  return `${parts.filter((part) => part !== '').join(', ')}.`;
}

/** What the diagnosis found, from when to when, each with its remedy. */
function timeline(diagnoses: readonly LiveDiagnosis[], step: number): HTMLElement[] {
  if (diagnoses.length === 0) return [h('li', {}, `Nothing was found up to step ${step}.`)];
  return diagnoses.map(({ step: from, found }, i) => {
    const until = diagnoses[i + 1]?.step ?? step;
    const when = h('strong', {}, from === until ? `Step ${from}: ` : `Steps ${from} to ${until}: `);
    if (found.length === 0) return h('li', {}, when, 'nothing.');
    const items = found.map(({ problem, severity, evidence, remedy }) =>
      h(
        'li',
        {},
        h('span', { className: severity === 'critical' ? 'problem' : 'warning' }, `${problem} (${severity}). `),
        evidence,
        h('br'),
        remedy,
      ),
    );
    return h('li', {}, when, h('ul', {}, ...items));
  });
}
