import { contextOf } from '../dom.ts';

/** Bars of counts in equal bins, those that `isMarked` says in another colour, with a line at a share of the width. */
export function drawBars(
  canvas: HTMLCanvasElement,
  counts: readonly number[],
  isMarked: (bin: number) => boolean,
  line?: number,
): void {
  const context = contextOf(canvas);
  const { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  const most = Math.max(1, ...counts);
  const bar = width / counts.length;
  for (const [i, count] of counts.entries()) {
    const tall = (height * count) / most;
    context.fillStyle = isMarked(i) ? '#d55e00' : '#0072b2';
    context.fillRect(i * bar + 1, height - tall, bar - 2, tall);
  }
  if (line === undefined) return;
  context.strokeStyle = matchMedia('(prefers-color-scheme: dark)').matches ? '#fff' : '#000';
  context.setLineDash([4, 4]);
  context.beginPath();
  context.moveTo(width * line, 0);
  context.lineTo(width * line, height);
  context.stroke();
  context.setLineDash([]);
}
