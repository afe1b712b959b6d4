import { type RawBuilder, type SelectQueryBuilder, type StringReference, sql } from 'kysely';

/** A place beside the row of this key, which may be gone by now, and the way to read from there. */
export type Place = { key: string; towards: 'next' | 'prev' };

/** Which rows of a list: so many, from a place on, or else from its beginning. */
export type Range = { limit: number; from?: Place | undefined };

/** Neighbouring rows of a list, and the places where to read on. */
export type Slice<T> = { items: T[]; next?: Place | undefined; prev?: Place | undefined };

/**
 * Reads a list in the order of columns that together are unique. What is before the place is
 * neither read nor counted, given an index on what chooses the list and then on these columns.
 * One row more than asked for tells whether the list goes on; newer rows may come at any time.
 */
export async function readSlice<DB, TB extends keyof DB, Row>(
  query: SelectQueryBuilder<DB, TB, Row>,
  columns: StringReference<DB, TB>[],
  { limit, from }: Range,
  order: 'asc' | 'desc' = 'desc',
): Promise<Slice<Row>> {
  const back = from?.towards === 'prev';
  const ascending = back === (order === 'desc');
  const refs = columns.map((column) => sql.ref(column));
  let slice = query.select(sql<string>`CONCAT_WS('/', ${sql.join(refs)})`.as('key'));
  for (const column of columns) slice = slice.orderBy(column, ascending ? 'asc' : 'desc');
  if (from) slice = slice.where(beyond(refs, from.key.split('/'), ascending ? '>' : '<'));
  const rows = (await slice.limit(limit + 1).execute()) as (Row & { key: string })[];
  const found = rows.slice(0, limit);
  if (back) found.reverse();
  const [first, last] = [found.at(0), found.at(-1)];
  return {
    items: found.map(({ key, ...row }) => row as Row),
    next: last && (back || rows.length > limit) ? { key: last.key, towards: 'next' } : undefined,
    prev: first ? { key: first.key, towards: 'prev' } : back ? from : undefined,
  };
}

/** `(a, b) > (x, y)`, spelled out: for a comparison of rows the index would not be used. */
function beyond(columns: RawBuilder<unknown>[], values: string[], than: '>' | '<') {
  return columns.reduceRight<RawBuilder<boolean>>((further, column, n) => {
    const value = values[n];
    return sql`(${column} ${sql.raw(than)} ${value} OR (${column} = ${value} AND ${further}))`;
  }, sql`FALSE`);
}
