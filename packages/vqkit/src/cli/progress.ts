import type { StartInfo } from '@vqkit/train';
import type { TrainingEvent, ValidationRecord } from '@vqkit/training';
import type { SingleBar } from 'cli-progress';
import { createBar, printLine, stopBar } from './bar.ts';

/** Of a run: the steps to do and done, and how a quality is told. */
type RunToWatch = Pick<StartInfo, 'steps' | 'step' | 'qualityText'>;

/** Shows how far a training is, and the test at its end. */
export interface Progress {
  start(run: RunToWatch): void;
  on(event: TrainingEvent): void;
  /** A line that stays, such as a warning. */
  note(line: string): void;
  stop(): void;
}

/** Seconds of work that the rate is measured over. */
const RATE_WINDOW_SECONDS = 10;
/** Seconds between two lines where there is no terminal to redraw. */
export const LINE_SECONDS = 5;

/** A bar with rate and time left on a terminal; elsewhere a plain line every few seconds and for every validation. */
export function createProgress(stream: NodeJS.WriteStream): Progress {
  const bar = createBar(stream, '{bar} {value}/{total}  loss {loss}  {rate} steps/s  {left} left  {validation}');
  return bar === undefined ? onLines(stream) : onBar(stream, bar);
}

function onBar(stream: NodeJS.WriteStream, bar: SingleBar): Progress {
  const rate = createRate();
  let total = 0;
  let validation = '';
  let qualityText: RunToWatch['qualityText'] = () => '';
  return {
    start(run) {
      total = run.steps;
      qualityText = run.qualityText;
      rate.at(run.step);
      bar.start(run.steps, run.step, { loss: '–', rate: '–', left: '–', validation });
    },
    on(event) {
      if (event.kind === 'validation') validation = validationText(event, qualityText);
      if (event.kind === 'test') bar.update({ validation: `test ${event.done}/${event.examples}` });
      if (event.kind !== 'step') return;
      const { step, loss } = event;
      bar.update(step, { loss: loss.toFixed(4), ...rateAndTime(rate.at(step), total - step), validation });
    },
    note: (line) => printLine(stream, bar, line),
    stop: () => stopBar(bar),
  };
}

function onLines(stream: NodeJS.WriteStream): Progress {
  const rate = createRate();
  const print = (line: string): void => {
    stream.write(`${line}\n`);
  };
  let total = 0;
  let printedAt = 0;
  let qualityText: RunToWatch['qualityText'] = () => '';
  return {
    start(run) {
      total = run.steps;
      qualityText = run.qualityText;
      rate.at(run.step);
      printedAt = performance.now();
    },
    on(event) {
      if (event.kind === 'validation') print(`step ${event.step}/${total}  ${validationText(event, qualityText)}`);
      if (event.kind === 'test' && performance.now() - printedAt >= 1000 * LINE_SECONDS) {
        printedAt = performance.now();
        print(`test ${event.done}/${event.examples}`);
      }
      if (event.kind !== 'step') return;
      const { step, loss } = event;
      const perSecond = rate.at(step);
      if (performance.now() - printedAt < 1000 * LINE_SECONDS && step < total) return;
      printedAt = performance.now();
      const shown = rateAndTime(perSecond, total - step);
      print(`step ${step}/${total}  loss ${loss.toFixed(4)}  ${shown.rate} steps/s  ${shown.left} left`);
    },
    note: (line) => printLine(stream, undefined, line),
    stop() {},
  };
}

function validationText({ quality, codes }: ValidationRecord, qualityText: RunToWatch['qualityText']): string {
  return `validation ${qualityText(quality)}, perplexity ${codes.perplexity.toFixed(1)} of ${codes.codebookSize}`;
}

/** Steps (or images) per second over the last seconds: validations and a slow start do not stay in it. */
export function createRate(): { at(step: number): number } {
  const marks: { step: number; ms: number }[] = [];
  return {
    at(step) {
      const ms = performance.now();
      marks.push({ step, ms });
      while (marks.length > 2 && ms - (marks[1]?.ms ?? ms) > 1000 * RATE_WINDOW_SECONDS) marks.shift();
      const first = marks[0] ?? { step, ms };
      return ms > first.ms ? (1000 * (step - first.step)) / (ms - first.ms) : Number.NaN;
    },
  };
}

export function rateAndTime(perSecond: number, stepsLeft: number): { rate: string; left: string } {
  if (!(perSecond > 0)) return { rate: '–', left: '–' };
  return { rate: perSecond >= 10 ? perSecond.toFixed(0) : perSecond.toFixed(1), left: clock(stepsLeft / perSecond) };
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const minutes = String(Math.floor(whole / 60) % 60).padStart(whole >= 3600 ? 2 : 1, '0');
  const hours = whole >= 3600 ? `${Math.floor(whole / 3600)}:` : '';
  return `${hours}${minutes}:${String(whole % 60).padStart(2, '0')}`;
}
