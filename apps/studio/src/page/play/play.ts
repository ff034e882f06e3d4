import { drawBars } from '../charts/bars.ts';
import { COLORS, createChart, shortNumber } from '../charts/chart.ts';
import { createCurves } from '../charts/curve.ts';
import { h } from '../dom.ts';
import { type Engine, startEngine } from '../engine.ts';
import { messageOf } from '../message.ts';
import type { OpenView, View, ViewContext } from '../view.ts';
import { ENGINES, type EngineName } from '../worker/calls.ts';
import type { PlayFrame, PlayQuantizer, PlaySettings } from '../worker/play/settings.ts';
import { controlsOf } from './controls.ts';
import { drawFrame } from './draw.ts';
import { addressOf, settingsFrom } from './hash.ts';
import { questions } from './questions.ts';

/** Training between two drawings. */
const FRAME_MS = 60;
const SPEEDS = { 1: 'one step a frame', 1000: 'as fast as it goes' } as const;

/** A quantizer of points in the plane, drawn while it trains in this page. */
export const playView: View = { name: 'play', title: 'Play', open };

function open({ settings: address, keep }: ViewContext): OpenView {
  const canvas = h('canvas', { id: 'plane', className: 'plane', width: 640, height: 640, role: 'img' });
  const angles = h('canvas', { id: 'angles', width: 320, height: 90, role: 'img' });
  const status = h('output', { id: 'status' });
  const numbers = h('p', { id: 'numbers', className: 'note' });
  const findings = h('ul', { id: 'findings' });
  const panel = h('div');
  const engines = h(
    'select',
    { id: 'engine' },
    ...Object.entries(ENGINES).map(([name, title]) => new Option(title, name)),
  );
  engines.value = address.get('engine') === 'webgpu' ? 'webgpu' : 'wasm';
  const speed = h(
    'select',
    { id: 'speed' },
    ...Object.entries(SPEEDS).map(([steps, title]) => new Option(title, steps)),
  );
  speed.value = '1000';
  const pause = h('button', { id: 'pause', type: 'button' }, 'Pause');
  const once = h('button', { id: 'once', type: 'button' }, 'One step');
  const again = h('button', { id: 'again', type: 'button' }, 'From the start');

  let numbersNow: Readonly<Record<string, number>> = {};
  const scale = createChart({
    title: 'Length of latents, and distance to their codes',
    lines: [
      { label: 'rms of z', color: COLORS[0] },
      { label: 'mse(z, q)', color: COLORS[1], dash: [6, 3] },
    ],
    isLog: true,
  });
  const losses = createChart({
    title: 'Losses',
    lines: [
      { label: 'reconstruction', color: COLORS[2] },
      { label: 'quantizer', color: COLORS[3], dash: [6, 3] },
    ],
  });
  const entropy = createChart({
    title: 'Entropies, nats',
    lines: [
      { label: 'codes in use', color: COLORS[0] },
      { label: 'of the batch', color: COLORS[1], dash: [6, 3] },
      { label: 'of a token', color: COLORS[2], dash: [2, 3] },
    ],
    levels: () => {
      const size = numbersNow.codebookSize;
      return size === undefined ? [] : [{ label: `ln K = ${shortNumber(Math.log(size))}`, y: Math.log(size) }];
    },
  });
  const curves = [createCurves(2), createCurves(2), createCurves(3)] as const;
  const charts = [scale, losses, entropy] as const;

  let engine: Engine | undefined;
  let quantizers: readonly PlayQuantizer[] = [];
  let settings: PlaySettings | undefined;
  let running = true;
  let closed = false;
  let looping = 0;

  const say = (text: string, isProblem = false): void => {
    status.classList.toggle('problem', isProblem);
    status.textContent = text;
  };
  const fail = (error: unknown): void => {
    if (!closed) say(messageOf(error), true);
  };
  const showPause = (): void => {
    pause.textContent = running ? 'Pause' : 'Go on';
  };

  const show = (frame: PlayFrame): void => {
    const { step, extent, numbers: values } = frame;
    numbersNow = values;
    drawFrame(canvas, frame);
    drawBars(angles, frame.angles, (bin) => bin >= frame.angles.length / 2, 0.5);
    const of = (name: string): number => values[name] ?? Number.NaN;
    curves[0].push(step, [of('rms'), of('error')]);
    curves[1].push(step, [of('reconstruction'), of('quantizer')]);
    curves[2].push(step, [of('entropy'), of('codebookEntropy'), of('perSampleEntropy')]);
    for (const [i, chart] of charts.entries()) chart.show(curves[i]?.data() ?? [[]]);
    const words = `Step ${step}. The square reaches from -${shortNumber(extent)} to ${shortNumber(extent)}. ${of('used')} of ${of('codebookSize')} codes used, perplexity ${shortNumber(of('perplexity'))}; rms of z ${shortNumber(of('rms'))}, mse(z, q) ${shortNumber(of('error'))}.`;
    numbers.textContent = words;
    canvas.setAttribute('aria-label', `Cells, codes and latents. ${words}`);
    const obtuse = frame.angles.slice(frame.angles.length / 2).reduce((sum, count) => sum + count, 0);
    angles.setAttribute(
      'aria-label',
      `Angles between latents and codes, 0 to 180 degrees: ${obtuse} of ${frame.ids.length} beyond 90`,
    );
    const lines = frame.findings.map(({ problem, evidence, remedy }) => `${problem}: ${evidence} ${remedy}`);
    const shown = [...findings.children].map(({ textContent }) => textContent);
    if (lines.join('\n') !== shown.join('\n')) findings.replaceChildren(...lines.map((line) => h('li', {}, line)));
  };
  /** Trains and draws while it runs, or `most` frames. Only the newest loop goes on. */
  const loop = async (most = Number.POSITIVE_INFINITY): Promise<void> => {
    const mine = ++looping;
    try {
      for (let i = 0; i < most && !closed && mine === looping; i++) {
        if (engine === undefined) return;
        const frame = await engine.call('frame', FRAME_MS, most === 1 ? 1 : Number(speed.value));
        if (closed || mine !== looping) return;
        show(frame);
        // A hidden page gets no frames, and trains none.
        await new Promise(requestAnimationFrame);
        if (!running && most !== 1) return;
      }
    } catch (error) {
      if (mine !== looping) return;
      // Whatever it was, such as a lost GPU: the next start has a new engine.
      engine?.end();
      engine = undefined;
      running = false;
      showPause();
      fail(error);
    }
  };
  const begin = async (): Promise<void> => {
    if (settings === undefined || engine === undefined) return start();
    looping++;
    try {
      await engine.call('play', settings);
      for (const each of curves) each.clear();
      running = true;
      showPause();
      say(engine.words);
      void loop();
    } catch (error) {
      fail(error);
    }
  };
  const take = (next: PlaySettings): void => {
    // Options that another quantizer has not are left, and those that are missing take their defaults.
    const kept = addressOf({ ...next }, quantizers);
    settings = settingsFrom(kept, quantizers);
    if (engines.value !== 'wasm') kept.set('engine', engines.value);
    keep(kept);
    const focused = (document.activeElement as HTMLInputElement | null)?.name;
    panel.replaceChildren(controlsOf(settings, quantizers, take));
    if (focused) panel.querySelector<HTMLElement>(`[name="${CSS.escape(focused)}"]`)?.focus();
    void begin();
  };
  const start = async (): Promise<void> => {
    looping++;
    say('Starting …');
    engine?.end();
    engine = undefined;
    try {
      const started = await startEngine(engines.value as EngineName);
      if (closed) {
        started.end();
        return;
      }
      engine = started;
      quantizers = await started.call('quantizers');
      take(settings ?? settingsFrom(address, quantizers));
    } catch (error) {
      fail(error);
    }
  };

  pause.addEventListener('click', () => {
    running = !running;
    showPause();
    if (running) void (engine === undefined ? begin() : loop());
  });
  once.addEventListener('click', () => {
    running = false;
    showPause();
    void loop(1);
  });
  again.addEventListener('click', () => void begin());
  engines.addEventListener('change', () => void start());
  void start();

  const element = h(
    'section',
    {},
    h(
      'p',
      {},
      'An autoencoder of points in the plane trains in this page, with a quantizer in its middle. The drawing shows its latents: the cells of the codes, the codes (grey: unused), and where the loss pushes each latent.',
    ),
    questions(),
    h(
      'div',
      { className: 'columns' },
      h(
        'div',
        { className: 'plane-column' },
        canvas,
        h(
          'div',
          { className: 'controls' },
          pause,
          once,
          again,
          h('label', {}, 'Speed ', speed),
          h('label', {}, 'Engine ', engines),
        ),
        h('div', { role: 'status', 'aria-live': 'polite' }, status),
        numbers,
        h('h3', {}, 'Angle between a latent and its code, 0 to 180°'),
        angles,
      ),
      panel,
      h('div', { className: 'charts' }, ...charts.map((chart) => chart.element), h('h3', {}, 'Diagnosis'), findings),
    ),
  );
  return {
    element,
    close() {
      closed = true;
      engine?.end();
      for (const chart of charts) chart.destroy();
    },
  };
}
