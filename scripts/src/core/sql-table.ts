import Table from 'cli-table3';
import type { FieldPacket } from 'mysql2/promise';

/** What the mysql client draws its tables with. */
const CHARS = {
  top: '-',
  'top-mid': '+',
  'top-left': '+',
  'top-right': '+',
  bottom: '-',
  'bottom-mid': '+',
  'bottom-left': '+',
  'bottom-right': '+',
  left: '|',
  'left-mid': '+',
  mid: '-',
  'mid-mid': '+',
  right: '|',
  'right-mid': '+',
  middle: '|',
};

/** The protocol's numbers of the numeric column types (DECIMAL … BIGINT, INT24, YEAR, NEWDECIMAL). */
const NUMERIC = new Set([0, 1, 2, 3, 4, 5, 8, 9, 13, 246]);

/**
 * A result as the mysql client prints it: a table with numbers to the right, or, where a value has
 * several lines (EXPLAIN FORMAT=JSON, SHOW CREATE TABLE), column by column.
 */
export function formatRows(fields: FieldPacket[], rows: unknown[][]): string {
  if (rows.length === 0) return 'Empty set';
  const texts = rows.map((row) => row.map(toText));
  const tall = texts.some((row) => row.some((text) => text.includes('\n')));
  const count = `${rows.length} ${rows.length === 1 ? 'row' : 'rows'} in set`;
  return `${tall ? columnByColumn(fields, texts) : asTable(fields, texts)}\n${count}`;
}

function asTable(fields: FieldPacket[], rows: string[][]): string {
  const table = new Table({
    chars: CHARS,
    style: { head: [], border: [], compact: true },
    head: fields.map(({ name }) => name),
    colAligns: fields.map(({ type }) => (NUMERIC.has(type ?? -1) ? 'right' : 'left')),
  });
  table.push(...rows);
  const lines = table.toString().split('\n');
  // A compact table has no line below its head; the one above it is the same.
  const [border = ''] = lines;
  return lines[2] === border
    ? lines.join('\n')
    : [...lines.slice(0, 2), border, ...lines.slice(2)].join('\n');
}

function columnByColumn(fields: FieldPacket[], rows: string[][]): string {
  const only = rows.length === 1 && fields.length === 1 ? rows[0]?.[0] : undefined;
  if (only !== undefined) return only;
  return rows
    .map((row, index) => {
      const lines = row.map((text, column) => `${fields[column]?.name ?? ''}: ${text}`);
      return [`*** row ${index + 1} ***`, ...lines].join('\n');
    })
    .join('\n');
}

function toText(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (Buffer.isBuffer(value)) return `0x${value.toString('hex').toUpperCase()}`;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
