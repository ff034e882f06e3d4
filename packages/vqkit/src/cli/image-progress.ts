import { createBar, printLine, stopBar } from './bar.ts';
import { createRate, LINE_SECONDS, rateAndTime } from './progress.ts';

/** Shows how many images, or rows or steps, are done. */
export interface ImageProgress {
  start(images: number): void;
  done(images: number): void;
  /** A line that stays, such as a warning. */
  note(line: string): void;
  stop(): void;
}

/** A bar with rate and time left on a terminal; elsewhere a plain line every few seconds and at the end. */
export function createImageProgress(stream: NodeJS.WriteStream, unit = 'images'): ImageProgress {
  const rate = createRate();
  const bar = createBar(stream, `{bar} {value}/{total} ${unit}  {rate} ${unit}/s  {left} left`);
  let total = 0;
  let printedAt = 0;
  return {
    start(images) {
      total = images;
      printedAt = performance.now();
      rate.at(0);
      bar?.start(images, 0, { rate: '–', left: '–' });
    },
    done(images) {
      const shown = rateAndTime(rate.at(images), total - images);
      bar?.update(images, shown);
      if (bar !== undefined || (performance.now() - printedAt < 1000 * LINE_SECONDS && images < total)) return;
      printedAt = performance.now();
      stream.write(`${images}/${total} ${unit}  ${shown.rate} ${unit}/s  ${shown.left} left\n`);
    },
    note: (line) => printLine(stream, bar, line),
    stop: () => stopBar(bar),
  };
}
