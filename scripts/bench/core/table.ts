import Table from 'cli-table3';
import type { Comparison, Measurement, Panel, Row } from './types.ts';

/** The ratio of the second variant to the first in what the panel compares. */
export function ratio(panel: Panel, row: Row): number {
  return Number((row.second[panel.measure] / row.first[panel.measure]).toPrecision(2));
}

/** A comparison as text: a title and a table for each panel. */
export function formatTables({ title, variants, panels }: Comparison): string {
  return [
    title,
    ...panels.map((panel) => `${panel.title}\n${asTable(panel, panel.variants ?? variants)}`),
  ].join('\n\n');
}

function asTable(panel: Panel, [first, second]: [string, string]): string {
  const columns = columnsOf(panel);
  const heads = [first, second].flatMap((name) => columns.map(([, head]) => `${name} ${head}`));
  const table = new Table({
    head: [panel.size, ...heads, `${second} ÷ ${first}`],
    colAligns: Array.from({ length: heads.length + 2 }, () => 'right'),
    style: { head: [], border: [], compact: true },
  });
  for (const row of panel.rows) {
    const figures = [row.first, row.second].flatMap((measurement) =>
      columns.map(([key]) => count(measurement[key])),
    );
    table.push([count(row.size), ...figures, `× ${ratio(panel, row)}`]);
  }
  return table.toString();
}

/** One request after the other: what is done in a second says no more than how long one takes. */
function columnsOf(panel: Panel): [keyof Measurement, string][] {
  const times: [keyof Measurement, string][] = [
    ['p50', 'p50 ms'],
    ['p99', 'p99 ms'],
  ];
  return panel.measure === 'p50' ? times : [['perSecond', '/s'], ...times];
}

function count(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 2 });
}
