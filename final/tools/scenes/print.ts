import { styleText } from 'node:util';
import Table from 'cli-table3';
import { format } from '../progress.ts';

/** The title of a scene. */
export function heading(text: string): void {
  console.log(`\n${styleText('bold', text)}`);
}

/** A table, whose cells are broken into lines of `widths` if these are given. */
export function printTable(head: string[], rows: string[][], widths?: number[]): void {
  const table = new Table({
    head,
    style: { head: [], border: [] },
    ...(widths && { colWidths: widths, wordWrap: true }),
  });
  table.push(...rows);
  console.log(table.toString());
}

/** A duration for people: `87 ms`. */
export function ms(duration: number): string {
  return `${Math.round(duration)} ms`;
}

/** A number of things for people: `1 like`, `2 likes`. */
export function many(count: number, thing: string): string {
  return `${format(count)} ${thing}${count === 1 ? '' : 's'}`;
}
