import uPlot from 'uplot';
import { h } from '../dom.ts';

/** A curve of a chart. */
interface Line {
  readonly label: string;
  readonly color: string;
  readonly dash?: readonly number[];
}

/** A chart of curves over steps. */
export interface Chart {
  readonly element: HTMLElement;
  /** What `createCurves` gives. */
  show(data: [number[], ...(number | null)[][]]): void;
  destroy(): void;
}

export interface ChartOptions {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly isLog?: boolean;
  /** Horizontal levels, such as ln K. */
  readonly levels?: () => readonly { readonly label: string; readonly y: number }[];
}

/** Colours that can be told apart, in light and in dark and by colour-blind readers. */
export const COLORS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#8c6d00', '#56b4e9'] as const;

const HEIGHT = 200;

export function createChart({ title, lines, isLog = false, levels }: ChartOptions): Chart {
  const box = h('div', { className: 'chart', role: 'img' });
  const caption = h('figcaption', { className: 'note' });
  const element = h('figure', {}, h('h3', {}, title), box, caption);
  const style = getComputedStyle(document.documentElement);
  const [ink, grid] = [style.getPropertyValue('--muted'), style.getPropertyValue('--line')];
  const axis = {
    stroke: ink,
    grid: { stroke: grid, width: 1 },
    ticks: { stroke: grid, width: 1 },
    font: '11px system-ui',
  };
  const plot = new uPlot(
    {
      width: 320,
      height: HEIGHT,
      cursor: { y: false },
      legend: { live: true },
      scales: {
        x: { time: false },
        y: isLog ? { distr: 3 } : { range: (_, low, high) => rangeWith(low, high, levels?.().map(({ y }) => y) ?? []) },
      },
      axes: [axis, { ...axis, size: 55 }],
      series: [
        { label: 'step', value: (_, value) => (value === null ? '' : String(Math.round(value))) },
        ...lines.map(({ label, color, dash = [] }) => ({
          label,
          stroke: color,
          dash: [...dash],
          width: 1.5,
          points: { show: false },
          spanGaps: true,
          value: (_: uPlot, value: number | null) => (value === null ? '' : shortNumber(value)),
        })),
      ],
      hooks: { draw: [(u) => drawLevels(u, levels?.() ?? [], ink)] },
    },
    [[], ...lines.map(() => [])],
    box,
  );
  const resize = new ResizeObserver(([entry]) => {
    const width = Math.round(entry?.contentRect.width ?? 0);
    if (width > 0 && width !== plot.width) plot.setSize({ width, height: HEIGHT });
  });
  resize.observe(box);
  return {
    element,
    show(data) {
      // A logarithmic axis has no place for what is not above 0.
      plot.setData(isLog ? onlyPositive(data) : data);
      const last = lines.map(
        ({ label }, i) => `${label} ${shortNumber(data[i + 1]?.findLast((y) => y !== null) ?? Number.NaN)}`,
      );
      box.setAttribute('aria-label', `${title}: ${last.join(', ')}`);
    },
    destroy() {
      resize.disconnect();
      plot.destroy();
    },
  };
}

function onlyPositive([axis, ...columns]: [number[], ...(number | null)[][]]): [number[], ...(number | null)[][]] {
  return [axis, ...columns.map((column) => column.map((y) => (y !== null && y > 0 ? y : null)))];
}

/** Three digits. */
export function shortNumber(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : '–';
}

function rangeWith(low: number | null, high: number | null, levels: readonly number[]): [number, number] {
  const values = [low ?? 0, high ?? 1, ...levels].filter(Number.isFinite);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = 0.05 * (most - least || 1);
  return [least - room, most + room];
}

function drawLevels(u: uPlot, levels: readonly { readonly label: string; readonly y: number }[], ink: string): void {
  const { ctx, bbox } = u;
  ctx.save();
  Object.assign(ctx, {
    strokeStyle: ink,
    fillStyle: ink,
    lineWidth: 1,
    textAlign: 'right',
    font: `${11 * devicePixelRatio}px system-ui`,
  });
  ctx.setLineDash([4, 4]);
  for (const { label, y } of levels) {
    const at = u.valToPos(y, 'y', true);
    if (!Number.isFinite(at)) continue;
    ctx.beginPath();
    ctx.moveTo(bbox.left, at);
    ctx.lineTo(bbox.left + bbox.width, at);
    ctx.stroke();
    ctx.fillText(label, bbox.left + bbox.width - 4, at - 4);
  }
  ctx.restore();
}
