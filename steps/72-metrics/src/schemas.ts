import Type, { type TSchema } from 'typebox';

/** A BIGINT in decimal. As a string, because a JavaScript number is exact only up to 2^53. */
export const IdSchema = Type.String({ pattern: '^[1-9][0-9]{0,18}$' });

export const IdParamsSchema = Type.Object({ id: IdSchema });

export const UserIdParamsSchema = Type.Object({ userId: IdSchema });

/** The empty body of a 204. */
export const NoContentSchema = Type.Unsafe<void>({ type: 'null' });

/** Whether the request changed anything: the second of two equal requests did not. */
export const ChangedSchema = Type.Object({ changed: Type.Boolean() });

/**
 * A string or null. Not a union: the validator makes each branch's type of the value while it
 * tries the branch, and null made a string is the empty string.
 */
export const NullableStringSchema = Type.Unsafe<string | null>({ type: ['string', 'null'] });

/** What every endless list may be asked, to be spread into the schema of its query. */
export const PAGING = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
  cursor: Type.Optional(Type.String({ description: 'One that this list has given' })),
};
export const PagingSchema = Type.Object(PAGING);

/** The answer of an endless list. At its end there is no `nextCursor`. */
export function pageOf<Item extends TSchema>(item: Item) {
  const cursor = Type.Optional(Type.String());
  return Type.Object({ items: Type.Array(item), nextCursor: cursor, prevCursor: cursor });
}
