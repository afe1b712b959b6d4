import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { figure, ratioText } from './table.ts';
import type { AnyPanel, Comparison } from './types.ts';

/** Chosen to be read on white and on black: the page behind the plot shows through. */
const TEXT = '#768390';
const GRID = '#76839040';
const COLOURS = ['#d9730d', '#2f81f7'];
const FONT = 'system-ui, sans-serif';

/** The plot of a comparison as SVG, one panel beside the other. The same figures give the same SVG. */
export async function plot(comparison: Comparison): Promise<string> {
  const { spec } = compile(specification(comparison));
  const view = new View(parse(spec), { renderer: 'none' });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}

function specification({ title, variants, panels }: Comparison): TopLevelSpec {
  return {
    description: title,
    background: 'transparent',
    padding: 8,
    config: {
      font: FONT,
      view: { stroke: null },
      title: { color: TEXT, subtitleColor: TEXT, fontSize: 14, anchor: 'start', offset: 12 },
      axis: {
        labelColor: TEXT,
        titleColor: TEXT,
        gridColor: GRID,
        domainColor: GRID,
        tickColor: GRID,
        labelFontSize: 12,
        titleFontSize: 12,
        titleFontWeight: 'normal',
        titlePadding: 8,
      },
      legend: { labelColor: TEXT, labelFontSize: 13, orient: 'top', symbolType: 'circle' },
      concat: { spacing: 48 },
    },
    hconcat: panels.map((panel) => panelOf(panel, panel.variants ?? variants)),
    // Two panels that compare the same share a legend.
    ...(panels.some((panel) => panel.variants) && { resolve: { scale: { color: 'independent' } } }),
  };
}

function panelOf(panel: AnyPanel, variants: [string, string]) {
  const sizes = panel.rows.map(({ size }) => size);
  const points = panel.rows.flatMap((row) => [
    { size: row.size, value: figure(panel, row.first), variant: variants[0] },
    { size: row.size, value: figure(panel, row.second), variant: variants[1] },
  ]);
  const ratios = panel.rows.map((row) => ({
    size: row.size,
    value: Math.max(figure(panel, row.first), figure(panel, row.second)),
    text: ratioText(panel, row),
  }));
  const x = {
    field: 'size',
    type: 'quantitative' as const,
    scale: xScale(panel, sizes),
    axis: { values: sizes, format: ',', grid: false, title: panel.size, ...labels(sizes) },
  };
  const y = {
    field: 'value',
    type: 'quantitative' as const,
    ...yScale(
      panel,
      points.map(({ value }) => value),
    ),
  };
  const color = {
    field: 'variant',
    type: 'nominal' as const,
    scale: { domain: variants, range: COLOURS },
    legend: { title: null },
  };
  return {
    title: { text: panel.title, subtitle: `× is ${variants[1]} ÷ ${variants[0]}` },
    width: 300,
    height: 240,
    layer: [
      {
        data: { values: points },
        mark: { type: 'line' as const, strokeWidth: 2, point: { size: 60 } },
        encoding: { x, y, color },
      },
      {
        data: { values: ratios },
        mark: { type: 'text' as const, dy: -14, color: TEXT, fontSize: 12 },
        encoding: { x, y, text: { field: 'text' } },
      },
    ],
  };
}

function xScale({ scale }: AnyPanel, sizes: number[]) {
  if (scale === 'linear') {
    return { type: scale, domain: [0, Math.max(...sizes) * 1.1], nice: false as const };
  }
  return sizes.includes(0) ? fromNothing(sizes) : { type: 'log' as const, ...apart(sizes) };
}

function yScale({ scale, axis }: AnyPanel, values: number[]) {
  if (scale === 'linear') {
    // Room for what is written above the highest point.
    return { scale: { domain: [0, Math.max(...values) * 1.15] }, axis: { title: axis } };
  }
  const decades = powersOfTen(values);
  return {
    scale: { type: 'log' as const, domain: [decades[0] ?? 1, decades.at(-1) ?? 10] },
    axis: {
      values: decades,
      labelExpr: "datum.value < 1 ? datum.value : format(datum.value, ',')",
      title: axis,
    },
  };
}

/** Room to the left and right of the sizes, for what is written at the points. */
function apart(sizes: number[]): { domain: [number, number]; nice: false } {
  const room = (Math.max(...sizes) / Math.min(...sizes)) ** 0.12;
  return { domain: [Math.min(...sizes) / room, Math.max(...sizes) * room], nice: false };
}

/** A logarithm has no 0: this scale is nearly linear up to 10, and logarithmic from there. */
function fromNothing(sizes: number[]) {
  const domain = [-10, Math.max(...sizes) * 4];
  return { type: 'symlog' as const, constant: 10, domain, nice: false as const };
}

/** On the scale of `fromNothing` the format alone writes 1e+3. */
function labels(sizes: number[]) {
  return sizes.includes(0) ? { labelExpr: "format(datum.value, ',')" } : {};
}

/** The powers of ten from just below the least value to above the greatest, with room for a word. */
function powersOfTen(values: number[]): number[] {
  const from = Math.floor(Math.log10(Math.min(...values)));
  const to = Math.ceil(Math.log10(Math.max(...values) * 1.8));
  return Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index));
}
