import { type Kysely, sql } from 'kysely';
import { toUser, USER_COLUMNS } from '../accounts/user.ts';
import { type Database, readBy } from '../database.ts';
import { type Range, readSlice, type Slice } from '../pagination/keyset.ts';
import type { Friend } from './schemas.ts';

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

/** Which end of the friendships is given; the other end is listed. */
export type End = 'from_user_id' | 'to_user_id';

/**
 * Who stands at the other end of a user's friendships, newest first. One statement: the viewer's
 * own friendships are joined instead of being asked for person by person.
 */
export async function findFriends(
  db: Kysely<Database>,
  given: End,
  userId: string,
  viewerId: string | undefined,
  range: Range,
): Promise<Slice<Friend>> {
  const listed = given === 'from_user_id' ? 'to_user_id' : 'from_user_id';
  const query = db
    .selectFrom('friendships as f')
    .innerJoin('users', 'users.id', `f.${listed}`)
    .leftJoin('profiles', 'profiles.user_id', 'users.id')
    .leftJoin(readBy('friendships', 'mine', 'PRIMARY'), (join) =>
      join.onRef('mine.to_user_id', '=', 'users.id').on('mine.from_user_id', '=', viewerId ?? null),
    )
    .select(['f.created_at', 'mine.to_user_id as followed'])
    .select(USER_COLUMNS)
    .where(`f.${given}`, '=', userId);
  const slice = await readSlice(query, ['f.created_at', `f.${listed}`], range);
  const items = slice.items.map(({ created_at, followed, ...user }) => ({
    user: toUser(user),
    createdAt: created_at.toISOString(),
    hasFollowed: followed !== null,
  }));
  return { ...slice, items };
}

/** The next 1,000 followers by id. Left alone, MariaDB uses only the first column of the index. */
export async function findFollowerIds(
  db: Kysely<Database>,
  userId: string,
  after: string,
): Promise<string[]> {
  const { rows } = await sql<{ from_user_id: string }>`
    SELECT from_user_id FROM friendships FORCE INDEX (friendships_to_user)
    WHERE to_user_id = ${userId} AND from_user_id > ${after}
    ORDER BY from_user_id LIMIT 1000
  `.execute(db);
  return rows.map(({ from_user_id }) => from_user_id);
}
