import { optimize } from 'svgo';
import { type Mark, parse, type Spec, View } from 'vega';
import type { Axis, Plot } from './experiment.ts';

/** Okabe and Ito's colours, told apart with any colour vision; more lines than colours are dashed. */
const COLORS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000', '#8C6D31'];
const DASHES = [
  [1, 0],
  [7, 4],
  [2, 3],
  [9, 3, 2, 3],
];

const FONT = 'DejaVu Sans';
const INK = '#333333';
const GRID = '#e3e3e3';
/** Beyond it the points of a line are not marked. */
const MOST_DOTS = 200;

/** Draws a plot as SVG, without a DOM: an element a line, tenths of a pixel. The same plot gives the same text. */
export async function plotToSvg(plot: Plot): Promise<string> {
  const view = new View(parse(specOf(plot)), { renderer: 'none' });
  try {
    return optimize(await view.toSVG(), {
      multipass: true,
      floatPrecision: 1,
      js2svg: { pretty: true, indent: 0 },
      plugins: ['preset-default', 'removeXlink'],
    }).data;
  } finally {
    view.finalize();
  }
}

function specOf({ title, x, y, series }: Plot): Spec {
  const visible = (value: number, axis: Axis): boolean => Number.isFinite(value) && (axis.scale !== 'log' || value > 0);
  const values = series.flatMap(({ label, points, spread }, line) =>
    points.flatMap(([px, py], i) => {
      if (!visible(px, x) || !visible(py, y)) return [];
      const [low, high] = spread?.[i] ?? [py, py];
      return [{ x: px, y: py, low: visible(low, y) ? low : py, high: visible(high, y) ? high : py, line, label }];
    }),
  );
  const extent = (keys: readonly ('x' | 'y' | 'low' | 'high')[]): number[] => {
    const all = values.flatMap((value) => keys.map((key) => value[key]));
    return all.length === 0 ? [1, 10] : [Math.min(...all), Math.max(...all)];
  };
  const color = { scale: 'color', field: 'label' };
  const position = { x: { scale: 'x', field: 'x' }, y: { scale: 'y', field: 'y' } };
  const labels = series.map(({ label }) => label);
  return {
    width: 560,
    height: 340,
    padding: 12,
    background: 'white',
    title: { text: title, anchor: 'start', offset: 12, color: INK, fontSize: 14 },
    config: {
      title: { font: FONT },
      axis: { labelFont: FONT, titleFont: FONT },
      legend: { labelFont: FONT, titleFont: FONT },
    },
    data: series.map((_, line) => ({ name: `line-${line}`, values: values.filter((value) => value.line === line) })),
    scales: [
      { name: 'x', type: x.scale ?? 'linear', range: 'width', domain: extent(['x']), zero: false, nice: false },
      {
        name: 'y',
        type: y.scale ?? 'linear',
        range: 'height',
        domain: widened(extent(['y', 'low', 'high']), y),
        zero: false,
        nice: y.scale !== 'log',
      },
      { name: 'color', type: 'ordinal', domain: labels, range: labels.map((_, i) => COLORS[i % COLORS.length] ?? INK) },
      {
        name: 'dash',
        type: 'ordinal',
        domain: labels,
        range: labels.map((_, i) => DASHES[Math.floor(i / COLORS.length) % DASHES.length] ?? [1, 0]) as never,
      },
    ],
    axes: [
      { scale: 'x', orient: 'bottom', title: x.label, ...AXIS, ...numbers(x) },
      { scale: 'y', orient: 'left', title: y.label, ...AXIS, ...numbers(y) },
    ],
    legends: labels.length > 1 ? [{ stroke: 'color', strokeDash: 'dash', symbolType: 'stroke', ...LEGEND }] : [],
    marks: series.flatMap(({ spread }, line) => {
      const from = { data: `line-${line}` };
      const band: Mark = {
        type: 'area',
        from,
        encode: {
          enter: {
            x: position.x,
            y: { scale: 'y', field: 'low' },
            y2: { scale: 'y', field: 'high' },
            fill: color,
            fillOpacity: { value: 0.2 },
          },
        },
      };
      const drawn: Mark[] = [
        {
          type: 'line',
          from,
          encode: {
            enter: {
              ...position,
              stroke: color,
              strokeWidth: { value: 2 },
              strokeDash: { scale: 'dash', field: 'label' },
            },
          },
        },
        {
          type: 'symbol',
          from,
          encode: { enter: { ...position, fill: color, size: { value: values.length > MOST_DOTS ? 0 : 26 } } },
        },
      ];
      return spread === undefined ? drawn : [band, ...drawn];
    }),
  };
}

/** A logarithmic range with some room at both ends; nice numbers would take up to a decade more. */
function widened(range: readonly number[], { scale }: Axis): number[] {
  const [low = 1, high = 10] = range;
  return scale === 'log' ? [low / 1.3, high * 1.3] : [low, high];
}

/** The decades of a logarithmic axis may be far apart, as 1e-14 and 1e+2 are. */
function numbers({ scale }: Axis): { format?: string } {
  return scale === 'log' ? { format: '~g' } : {};
}

const AXIS = {
  tickCount: 6,
  grid: true,
  gridColor: GRID,
  domainColor: INK,
  tickColor: INK,
  labelColor: INK,
  titleColor: INK,
  titleFontWeight: 'normal' as const,
  titleFontSize: 12,
  labelFontSize: 11,
  titlePadding: 8,
  labelOverlap: 'greedy' as const,
};

const LEGEND = { labelColor: INK, labelLimit: 320, labelFontSize: 11, offset: 16, symbolSize: 300 };
