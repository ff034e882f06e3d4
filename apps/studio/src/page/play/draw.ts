import { contextOf, h } from '../dom.ts';
import { GRID, type PlayFrame } from '../worker/play/settings.ts';

/** Arrows that still can be told apart. */
const ARROWS = 96;
/** Length of the longest arrows, in parts of the drawing. */
const ARROW = 0.09;

const picture = h('canvas', { width: GRID, height: GRID });

/** Draws cells, latents with the way that the loss pushes them, and codes. */
export function drawFrame(
  canvas: HTMLCanvasElement,
  { cells, codes, latents, ids, gradients, extent }: PlayFrame,
): void {
  const context = contextOf(canvas);
  const { width } = canvas;
  const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
  const at = (value: number): number => (width * (value / extent + 1)) / 2;
  const x = (values: Float32Array, i: number): number => at(values[2 * i] ?? 0);
  const y = (values: Float32Array, i: number): number => width - at(values[2 * i + 1] ?? 0);

  const pixels = new ImageData(GRID, GRID);
  for (const [i, id] of cells.entries()) pixels.data.set([...cellColor(id, isDark), 255], 4 * i);
  contextOf(picture).putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, 0, 0, width, width);

  context.strokeStyle = isDark ? '#fff' : '#000';
  context.lineWidth = width / 500;
  const lengths = Array.from({ length: latents.length / 2 }, (_, i) =>
    Math.hypot(gradients[2 * i] ?? 0, gradients[2 * i + 1] ?? 0),
  );
  const longest = [...lengths].sort((a, b) => a - b)[Math.floor(0.95 * lengths.length)] || 1;
  context.beginPath();
  for (let i = 0; i < Math.min(ARROWS, lengths.length); i++) {
    const scale = (-ARROW * width * Math.min(1, longest / (lengths[i] || 1))) / longest;
    arrow(
      context,
      [x(latents, i), y(latents, i)],
      [scale * (gradients[2 * i] ?? 0), -scale * (gradients[2 * i + 1] ?? 0)],
    );
  }
  context.stroke();
  for (let i = 0; i < ids.length; i++)
    dot(context, x(latents, i), y(latents, i), width / 200, isDark ? '#ddd' : '#333');
  const used = new Set(ids);
  for (let i = 0; i < codes.length / 2; i++) {
    const radius = width / (used.has(i) ? 70 : 130);
    dot(context, x(codes, i), y(codes, i), radius * 1.35, isDark ? '#000' : '#fff');
    dot(context, x(codes, i), y(codes, i), radius, used.has(i) ? '#d55e00' : '#888');
  }
}

function dot(context: CanvasRenderingContext2D, x: number, y: number, radius: number, color: string): void {
  context.fillStyle = color;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function arrow(
  context: CanvasRenderingContext2D,
  [x, y]: readonly [number, number],
  [dx, dy]: readonly [number, number],
): void {
  context.moveTo(x, y);
  context.lineTo(x + dx, y + dy);
  context.lineTo(x + 0.75 * dx + 0.12 * dy, y + 0.75 * dy - 0.12 * dx);
  context.moveTo(x + dx, y + dy);
  context.lineTo(x + 0.75 * dx - 0.12 * dy, y + 0.75 * dy + 0.12 * dx);
}

/** Neighbouring ids get colours far apart: the golden angle. */
function cellColor(id: number, isDark: boolean): [number, number, number] {
  const hue = (id * 137.508) % 360;
  const [lightness, chroma] = isDark ? [0.22, 0.12] : [0.88, 0.1];
  const channel = (shift: number): number => {
    const k = (shift + hue / 30) % 12;
    return 255 * (lightness - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1)));
  };
  return [channel(0), channel(8), channel(4)];
}
