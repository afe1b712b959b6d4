import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';

/** Inserts "from follows to" unless it is there, and returns whether it was missing. */
export async function insertFriendship(
  db: Kysely<Database>,
  fromUserId: string,
  toUserId: string,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('friendships')
    .ignore()
    .values({ from_user_id: fromUserId, to_user_id: toUserId })
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** Deletes "from follows to", and returns whether it was there. */
export async function deleteFriendship(
  db: Kysely<Database>,
  fromUserId: string,
  toUserId: string,
): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('friendships')
    .where('from_user_id', '=', fromUserId)
    .where('to_user_id', '=', toUserId)
    .executeTakeFirst();
  return numDeletedRows === 1n;
}
