import { type Mark, parse, type Spec, View } from 'vega';
import { type Html, trusted } from './html.ts';

/** One line of a chart. Points that cannot be drawn (not finite, or <= 0 on a logarithmic axis) are left out. */
export interface Series {
  readonly name: string;
  /** A CSS colour; the page's variables follow its light and dark theme. */
  readonly color: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** SVG dash pattern. Default solid. */
  readonly dash?: readonly number[];
}

/** A dashed level across the chart, such as ln K. */
export interface Level {
  readonly label: string;
  readonly y: number;
}

export interface Chart {
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  readonly levels?: readonly Level[];
  readonly scale?: 'linear' | 'log';
  /** Fills the area under every line down to the axis. */
  readonly filled?: boolean;
  /** Where the horizontal axis ends. Default at the last point. */
  readonly xEnd?: number;
  /** Starts the linear axis at zero. */
  readonly zero?: boolean;
  /** For narrow columns. Text keeps its size: the drawing is made about as wide as it will be shown. */
  readonly small?: boolean;
}

const INK = 'var(--muted)';
const GRID = 'var(--grid)';
const LABEL_WIDTH = 80;

/** Draws a chart as inline SVG, without a DOM; undefined when nothing can be drawn. */
export async function drawChart(chart: Chart): Promise<Html | undefined> {
  const { scale = 'linear', zero = false, levels = [] } = chart;
  const xEnd = chart.xEnd === undefined ? [] : [chart.xEnd];
  const series = chart.series.map(({ points, ...rest }) => {
    const drawn = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y) && (scale !== 'log' || y > 0));
    return { ...rest, points: drawn };
  });
  const shown = levels.filter(({ y }) => Number.isFinite(y) && (scale !== 'log' || y > 0));
  const points = series.flatMap((line) => line.points);
  if (points.length === 0) return undefined;
  const ys = [...points.map(([, y]) => y), ...shown.map(({ y }) => y)];
  const { low, high } = range(ys, scale === 'log', zero);

  const spec: Spec = {
    width: chart.small === true ? 320 : 420,
    height: chart.small === true ? 200 : 220,
    padding: 2,
    autosize: { type: 'fit', contains: 'padding' },
    background: 'transparent',
    config: { style: { 'guide-label': { font: 'inherit' }, 'guide-title': { font: 'inherit' } } },
    data: [
      {
        name: 'points',
        values: series.flatMap((line, i) =>
          line.points.map(([x, y]) => ({ x, y, line: i, color: line.color, dash: line.dash ?? [1, 0] })),
        ),
      },
      { name: 'levels', values: labelled(shown, high - low) },
    ],
    scales: [
      {
        name: 'x',
        type: 'linear',
        range: 'width',
        domain: range([...points.map(([x]) => x), ...xEnd], false, false).span,
      },
      { name: 'y', type: scale, range: 'height', domain: [low, high], zero: false, nice: scale === 'linear' },
    ],
    axes: [
      { scale: 'x', orient: 'bottom', title: chart.x, tickCount: 6, format: '~s', ...AXIS },
      {
        scale: 'y',
        orient: 'left',
        title: chart.y,
        tickCount: scale === 'log' ? 4 : 5,
        format: '.4~r',
        grid: true,
        ...AXIS,
        domain: false,
        ticks: false,
      },
    ],
    marks: [
      {
        type: 'group',
        encode: { enter: { width: { signal: 'width' }, height: { signal: 'height' } } },
        from: { facet: { name: 'line', data: 'points', groupby: 'line' } },
        marks: chart.filled === true ? [AREA, STEPS] : [LINE],
      },
      LEVEL,
      LEVEL_LABEL,
    ],
  };
  const svg = await new View(parse(spec), { renderer: 'none' }).toSVG();
  // Without a fixed size the drawing takes the width of its column.
  return trusted(svg.replace(/^<svg([^>]*?) width="\d+" height="\d+"/, '<svg$1'));
}

const POSITION = { x: { scale: 'x', field: 'x' }, y: { scale: 'y', field: 'y' } } as const;
const STROKE = {
  ...POSITION,
  stroke: { field: 'color' },
  strokeDash: { field: 'dash' },
  strokeWidth: { value: 1.8 },
  strokeJoin: { value: 'round' },
  // A round cap also shows a line of one point.
  strokeCap: { value: 'round' },
} as const;

const LINE: Mark = { type: 'line', from: { data: 'line' }, encode: { enter: STROKE } };
const STEPS: Mark = {
  type: 'line',
  from: { data: 'line' },
  encode: { enter: { ...STROKE, interpolate: { value: 'step' } } },
};
const AREA: Mark = {
  type: 'area',
  from: { data: 'line' },
  encode: {
    enter: {
      ...POSITION,
      y2: { signal: 'height' },
      fill: { field: 'color' },
      fillOpacity: { value: 0.18 },
      interpolate: { value: 'step' },
    },
  },
};
const LEVEL: Mark = {
  type: 'rule',
  from: { data: 'levels' },
  encode: {
    enter: {
      x: { value: 0 },
      x2: { signal: 'width' },
      y: POSITION.y,
      stroke: { value: INK },
      strokeDash: { value: [4, 3] },
    },
  },
};
const LEVEL_LABEL: Mark = {
  type: 'text',
  from: { data: 'levels' },
  encode: {
    enter: {
      x: { signal: 'width - datum.right' },
      y: { ...POSITION.y, offset: { field: 'shift' } },
      align: { value: 'right' },
      text: { field: 'label' },
      fill: { value: INK },
      font: { value: 'inherit' },
      fontSize: { value: 11 },
    },
  },
};

/** A label stands above its level; below it and further left where the next higher level is too close for that. */
function labelled(levels: readonly Level[], height: number): (Level & { shift: number; right: number })[] {
  const sorted = [...levels].sort((a, b) => b.y - a.y);
  return sorted.map((level, i) => {
    const above = sorted[i - 1];
    const crowded = above !== undefined && above.y - level.y < 0.1 * height;
    return { ...level, shift: crowded ? 12 : -4, right: 2 + (crowded ? (i - 1) * LABEL_WIDTH : 0) };
  });
}

const AXIS = {
  labelColor: INK,
  titleColor: INK,
  titleFontWeight: 'normal',
  labelFontSize: 11,
  titleFontSize: 11,
  labelOverlap: true,
  gridColor: GRID,
  domainColor: GRID,
  tickColor: GRID,
} as const;

function range(
  values: readonly number[],
  logarithmic: boolean,
  zero: boolean,
): { low: number; high: number; span: [number, number] } {
  let low = zero ? 0 : Number.POSITIVE_INFINITY;
  let high = zero ? 0 : Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  // A flat line gets room on both sides, and a logarithmic axis at least one power of ten.
  if (logarithmic && high < 10 * low) {
    const middle = Math.sqrt(low * high);
    low = Math.min(low, middle / Math.sqrt(10));
    high = Math.max(high, middle * Math.sqrt(10));
  } else if (logarithmic) {
    low /= 1.2;
    high *= 1.2;
  } else if (low === high) {
    low -= zero ? 0 : Math.abs(low) / 2 || 1;
    high += Math.abs(high) / 2 || 1;
  }
  return { low, high, span: [low, high] };
}
