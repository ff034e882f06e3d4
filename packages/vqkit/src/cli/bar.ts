import { Presets, SingleBar } from 'cli-progress';

/** Control characters, ends of lines, and marks that turn the direction of what follows. */
const CONTROLS = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** A progress bar of one format on a terminal; undefined where there is none to redraw. */
export function createBar(stream: NodeJS.WriteStream, format: string): SingleBar | undefined {
  if (!stream.isTTY) return undefined;
  const options = { stream, format, barsize: 24, hideCursor: true, stopOnComplete: false, fps: 8 };
  return new SingleBar(options, Presets.shades_classic);
}

/** Prints a line that stays, over the bar if there is one. */
export function printLine(stream: NodeJS.WriteStream, bar: SingleBar | undefined, line: string): void {
  const shown = printable(line);
  stream.write(bar === undefined ? `${shown}\n` : `\r\u001b[K${shown}\n`);
}

/** A text from elsewhere, such as the name of a file, on one line and without what a terminal would obey, as JSON escapes it. */
export function printable(text: string): string {
  return text.replace(CONTROLS, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Ends a bar that has been started. */
export function stopBar(bar: SingleBar | undefined): void {
  if (bar?.isActive === true) bar.stop();
}
