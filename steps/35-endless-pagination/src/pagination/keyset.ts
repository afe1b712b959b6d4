import type { SelectQueryBuilder, StringReference } from 'kysely';

/** A place beside the row of this key, which may be gone by now, and the way to read from there. */
export type Place = { key: string; towards: 'next' | 'prev' };

/** Which rows of a list: so many, from a place on, or else from its beginning. */
export type Range = { limit: number; from?: Place | undefined };

/** Neighbouring rows of a list, and the places where to read on. */
export type Slice<T> = { items: T[]; next?: Place | undefined; prev?: Place | undefined };

/**
 * Reads a list whose newest row comes first. What is before the place is neither read nor counted.
 * One row more than asked for tells whether the list goes on; newer rows may come at any time.
 */
export async function readSlice<DB, TB extends keyof DB, Row extends { id: string }>(
  query: SelectQueryBuilder<DB, TB, Row>,
  column: StringReference<DB, TB>,
  { limit, from }: Range,
): Promise<Slice<Row>> {
  const back = from?.towards === 'prev';
  const rows = await query
    .$if(from !== undefined, (rest) => rest.where(column, back ? '>' : '<', from?.key as never))
    .orderBy(column, back ? 'asc' : 'desc')
    .limit(limit + 1)
    .execute();
  const items = rows.slice(0, limit) as Row[];
  if (back) items.reverse();
  const [first, last] = [items.at(0), items.at(-1)];
  return {
    items,
    next: last && (back || rows.length > limit) ? { key: last.id, towards: 'next' } : undefined,
    prev: first ? { key: first.id, towards: 'prev' } : back ? from : undefined,
  };
}
