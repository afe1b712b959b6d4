import Table from 'cli-table3';
import type { AnyPanel, Comparison, Count, CountRow, Measurement, Row } from './types.ts';

/** What the panel compares, out of the figures of one cell. */
export function figure({ measure }: AnyPanel, cell: Measurement | Count): number {
  return (cell as Record<typeof measure, number>)[measure];
}

/** The ratio of the second variant to the first in what the panel compares. */
export function ratio(panel: AnyPanel, { first, second }: Row | CountRow): number {
  return Number((figure(panel, second) / figure(panel, first)).toPrecision(2));
}

/** The ratio in words: also of something to nothing. */
export function ratioText(panel: AnyPanel, row: Row | CountRow): string {
  const value = ratio(panel, row);
  return Number.isNaN(value) ? '–' : `× ${value.toLocaleString('en')}`;
}

/** A comparison as text: a title and a table for each panel. */
export function formatTables({ title, variants, panels }: Comparison): string {
  return [
    title,
    ...panels.map((panel) => `${panel.title}\n${asTable(panel, panel.variants ?? variants)}`),
  ].join('\n\n');
}

function asTable(panel: AnyPanel, [first, second]: [string, string]): string {
  const columns = columnsOf(panel);
  const heads = [first, second].flatMap((name) => columns.map(([, head]) => `${name} ${head}`));
  const table = new Table({
    head: [panel.size, ...heads, `${second} ÷ ${first}`],
    colAligns: Array.from({ length: heads.length + 2 }, () => 'right'),
    style: { head: [], border: [], compact: true },
  });
  for (const row of panel.rows) {
    const figures = [row.first, row.second].flatMap((measurement) =>
      columns.map(([key]) => count((measurement as Cell)[key])),
    );
    table.push([count(row.size), ...figures, ratioText(panel, row)]);
  }
  return table.toString();
}

type Cell = Record<keyof Measurement | keyof Count, number>;

/** One request after the other: what is done in a second says no more than how long one takes. */
function columnsOf(panel: AnyPanel): [keyof Cell, string][] {
  if (panel.measure === 'amount') return [['amount', panel.unit]];
  const times: [keyof Cell, string][] = [
    ['p50', 'p50 ms'],
    ['p99', 'p99 ms'],
  ];
  return panel.measure === 'perSecond' ? [['perSecond', '/s'], ...times] : times;
}

function count(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 2 });
}
