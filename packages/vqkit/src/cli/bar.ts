import { Presets, SingleBar } from 'cli-progress';

/** A progress bar of one format on a terminal; undefined where there is none to redraw. */
export function createBar(stream: NodeJS.WriteStream, format: string): SingleBar | undefined {
  if (!stream.isTTY) return undefined;
  const options = { stream, format, barsize: 24, hideCursor: true, stopOnComplete: false, fps: 8 };
  return new SingleBar(options, Presets.shades_classic);
}

/** Prints a line that stays, over the bar if there is one. */
export function printLine(stream: NodeJS.WriteStream, bar: SingleBar | undefined, line: string): void {
  stream.write(bar === undefined ? `${line}\n` : `\r\u001b[K${line}\n`);
}

/** Ends a bar that has been started. */
export function stopBar(bar: SingleBar | undefined): void {
  if (bar?.isActive === true) bar.stop();
}
