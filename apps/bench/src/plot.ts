import { optimize } from 'svgo';
import { type Mark, parse, type Spec, View } from 'vega';
import type { Axis, Heatmap, Picture, Plot } from './experiment.ts';
import { numberText } from './markdown.ts';

/** Okabe and Ito's colours, told apart with any colour vision; dashes and marks differ beside them. */
const COLORS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000', '#8C6D31'];
const DASHES = [
  [1, 0],
  [7, 4],
  [2, 3],
  [9, 3, 2, 3],
];

/** From few to many, light to dark in grey too. */
const HEAT = ['#f7fbff', '#08306b'];
const FONT = 'DejaVu Sans';
const INK = '#333333';
const GRID = '#e3e3e3';
/** Beyond it the points of a line are not marked. */
const MOST_DOTS = 200;
/** Told apart without colour too. */
const SHAPES = [
  'circle',
  'square',
  'triangle-up',
  'diamond',
  'cross',
  'triangle-down',
  'triangle-right',
  'triangle-left',
];
const [WIDTH, HEIGHT] = [560, 340];
const MARGIN = { left: 112, top: 40, bottom: 50 };
/** Widths of a letter, at most on the average. */
const [LABEL_LETTER, TITLE_LETTER] = [6.2, 8.2];
/** Between two labels, from the end of a line to its label, and the length of the line that leads there. */
const [LABEL_HEIGHT, LABEL_GAP, LEADER] = [14, 6, 20];

/** Draws a picture as SVG, without a DOM: an element a line, tenths of a pixel. The same picture gives the same text. */
export async function plotToSvg(plot: Picture): Promise<string> {
  const view = new View(parse('cells' in plot ? heatmapOf(plot) : specOf(plot)), { renderer: 'none' });
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

function specOf({ title, x, y, series: drawnFrom }: Plot): Spec {
  const series = drawnFrom.filter(({ points }) => points.length > 0);
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
  const yDomain = widened(extent(['y', 'low', 'high']), y);
  const ends = series.map((_, line) => values.filter((value) => value.line === line).at(-1));
  const names = labelsAt(
    ends.map((end) => (end === undefined ? HEIGHT : HEIGHT * (1 - shareOf(end.y, yDomain, y)))),
  ).map((at, line) => ({ at, from: ends[line]?.y, fromX: ends[line]?.x, label: labels[line] }));
  return {
    width: WIDTH,
    height: HEIGHT,
    // Vega knows no font here and would leave a third of the width free.
    autosize: 'none',
    padding: {
      ...MARGIN,
      right: Math.max(
        LEADER + 3 * LABEL_GAP + LABEL_LETTER * Math.max(0, ...labels.map(({ length }) => length)),
        TITLE_LETTER * title.length - WIDTH - MARGIN.left,
        MARGIN.top / 2,
      ),
    },
    background: 'white',
    title: { text: title, anchor: 'start', offset: 12, color: INK, fontSize: 14 },
    config: {
      title: { font: FONT },
      axis: { labelFont: FONT, titleFont: FONT },
    },
    data: [
      ...series.map((_, line) => ({ name: `line-${line}`, values: values.filter((value) => value.line === line) })),
      { name: 'names', values: names.filter(({ from }) => from !== undefined) },
    ],
    scales: [
      { name: 'x', type: x.scale ?? 'linear', range: 'width', domain: extent(['x']), zero: false, nice: false },
      {
        name: 'y',
        type: y.scale ?? 'linear',
        range: 'height',
        domain: yDomain,
        zero: false,
        nice: false,
      },
      { name: 'color', type: 'ordinal', domain: labels, range: labels.map((_, i) => COLORS[i % COLORS.length] ?? INK) },
      {
        name: 'dash',
        type: 'ordinal',
        domain: labels,
        range: labels.map((_, i) => DASHES[i % DASHES.length] ?? [1, 0]) as never,
      },
      { name: 'shape', type: 'ordinal', domain: labels, range: labels.map((_, i) => SHAPES[i % SHAPES.length] ?? '') },
    ],
    axes: [
      { scale: 'x', orient: 'bottom', title: x.label, ...AXIS, ...numbers(x) },
      { scale: 'y', orient: 'left', title: y.label, ...AXIS, ...numbers(y) },
    ],
    marks: [
      ...series.flatMap(({ spread }, line) => {
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
            encode: {
              enter: {
                ...position,
                fill: color,
                shape: { scale: 'shape', field: 'label' },
                size: { value: values.length > MOST_DOTS ? 0 : 30 },
              },
            },
          },
        ];
        return spread === undefined ? drawn : [band, ...drawn];
      }),
      ...(labels.length > 1 ? NAMES : []),
    ],
  };
}

/** Every field has its number, so that nothing rests on the colour alone. */
function heatmapOf({ title, x, y, value, cells }: Heatmap): Spec {
  const values = cells.flatMap((row, i) =>
    row.flatMap((cell, j) =>
      cell === null ? [] : [{ x: x.ticks[j], y: y.ticks[i], value: cell, text: numberText(cell) }],
    ),
  );
  const numbers = values.map((each) => each.value);
  const [low, high] = numbers.length === 0 ? [0, 1] : [Math.min(...numbers), Math.max(...numbers)];
  const middle = (low + high) / 2;
  const position = { x: { scale: 'x', field: 'x' }, y: { scale: 'y', field: 'y' } };
  return {
    width: WIDTH,
    height: HEIGHT,
    autosize: 'none',
    padding: { ...MARGIN, right: Math.max(MARGIN.top / 2, TITLE_LETTER * title.length - WIDTH - MARGIN.left) },
    background: 'white',
    title: { text: [title, value], anchor: 'start', offset: 8, color: INK, fontSize: 13 },
    config: { title: { font: FONT }, axis: { labelFont: FONT, titleFont: FONT } },
    data: [{ name: 'cells', values }],
    scales: [
      { name: 'x', type: 'band', domain: [...x.ticks], range: 'width' },
      { name: 'y', type: 'band', domain: [...y.ticks].reverse(), range: 'height' },
      { name: 'color', type: 'linear', domain: [low, high], range: [...HEAT] },
    ],
    axes: [
      { scale: 'x', orient: 'bottom', title: x.label, ...AXIS, grid: false },
      { scale: 'y', orient: 'left', title: y.label, ...AXIS, grid: false },
    ],
    marks: [
      {
        type: 'rect',
        from: { data: 'cells' },
        encode: {
          enter: {
            ...position,
            width: { scale: 'x', band: 1 },
            height: { scale: 'y', band: 1 },
            fill: { scale: 'color', field: 'value' },
            stroke: { value: 'white' },
          },
        },
      },
      {
        type: 'text',
        from: { data: 'cells' },
        encode: {
          enter: {
            x: { ...position.x, band: 0.5 },
            y: { ...position.y, band: 0.5 },
            text: { field: 'text' },
            align: { value: 'center' },
            baseline: { value: 'middle' },
            font: { value: FONT },
            fontSize: { value: 12 },
            fill: [{ test: `datum.value > ${middle}`, value: 'white' }, { value: INK }],
          },
        },
      },
    ],
  };
}

/** Every line has its name at its end, so that no legend has to be read. */
const NAMES: Mark[] = [
  {
    type: 'rule',
    from: { data: 'names' },
    encode: {
      enter: {
        x: { scale: 'x', field: 'fromX', offset: 3 },
        y: { scale: 'y', field: 'from' },
        x2: { value: WIDTH + LEADER },
        y2: { field: 'at' },
        stroke: { scale: 'color', field: 'label' },
        strokeDash: { scale: 'dash', field: 'label' },
        strokeWidth: { value: 1 },
      },
    },
  },
  {
    type: 'symbol',
    from: { data: 'names' },
    encode: {
      enter: {
        x: { value: WIDTH + LEADER + LABEL_GAP },
        y: { field: 'at' },
        fill: { scale: 'color', field: 'label' },
        shape: { scale: 'shape', field: 'label' },
        size: { value: 30 },
      },
    },
  },
  {
    type: 'text',
    from: { data: 'names' },
    encode: {
      enter: {
        x: { value: WIDTH + LEADER + 2.5 * LABEL_GAP },
        y: { field: 'at' },
        text: { field: 'label' },
        baseline: { value: 'middle' },
        font: { value: FONT },
        fontSize: { value: 11 },
        fill: { value: INK },
      },
    },
  },
];

/** Heights of the labels: each as near to the end of its line as the others let it be, in the order of the ends. */
function labelsAt(ends: readonly number[]): number[] {
  const order = ends.map((_, line) => line).sort((a, b) => (ends[a] as number) - (ends[b] as number));
  const heights = [...ends];
  let lowest = Number.NEGATIVE_INFINITY;
  for (const line of order) {
    lowest = Math.max(heights[line] as number, lowest + LABEL_HEIGHT);
    heights[line] = lowest;
  }
  let highest = Math.max(HEIGHT, LABEL_HEIGHT * (ends.length - 1));
  for (const line of order.reverse()) {
    highest = Math.min(heights[line] as number, highest);
    heights[line] = highest;
    highest -= LABEL_HEIGHT;
  }
  return heights;
}

/** Where a value stands in a range, from 0 to 1, as its axis has it. */
function shareOf(value: number, [low = 0, high = 1]: readonly number[], { scale }: Axis): number {
  const at = scale === 'log' ? Math.log : (plain: number): number => plain;
  return high === low ? 0.5 : (at(value) - at(low)) / (at(high) - at(low));
}

/** A range with some room at both ends; nice numbers would take up to a decade more of a logarithmic one. */
function widened(range: readonly number[], { scale }: Axis): number[] {
  const [low = 1, high = 10] = range;
  const room = 0.03 * (high - low || 1);
  return scale === 'log' ? [low / 1.3, high * 1.3] : [low - room, high + room];
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
