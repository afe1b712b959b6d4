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

/** A friendship as it is in the database: whoever is looking has not been asked about it yet. */
export type BareFriend = Omit<Friend, 'hasFollowed'>;

/** Who stands at the other end of a user's friendships, newest first. */
export async function findFriends(
  db: Kysely<Database>,
  given: End,
  userId: string,
  range: Range,
): Promise<Slice<BareFriend>> {
  const listed = given === 'from_user_id' ? 'to_user_id' : 'from_user_id';
  const query = db
    .selectFrom('friendships as f')
    .innerJoin('users', 'users.id', `f.${listed}`)
    .leftJoin('profiles', 'profiles.user_id', 'users.id')
    .select('f.created_at')
    .select(USER_COLUMNS)
    .where(`f.${given}`, '=', userId);
  const slice = await readSlice(query, ['f.created_at', `f.${listed}`], range);
  const items = slice.items.map(({ created_at, ...user }) => ({
    user: toUser(user),
    createdAt: created_at.toISOString(),
  }));
  return { ...slice, items };
}

/** Whom a user follows, so many at most, in no order. */
export async function findFollowings(
  db: Kysely<Database>,
  userId: string,
  limit: number,
): Promise<string[]> {
  const query = db.selectFrom('friendships').select('to_user_id').limit(limit);
  const rows = await query.where('from_user_id', '=', userId).execute();
  return rows.map(({ to_user_id }) => to_user_id);
}

/** Which of these a user follows. Left alone, MariaDB reads all whom they follow. */
export async function findFollowed(
  db: Kysely<Database>,
  userId: string,
  ids: string[],
): Promise<string[]> {
  const friendships = db.selectFrom(readBy('friendships', 'f', 'PRIMARY')).select('to_user_id');
  const followed = friendships.where('from_user_id', '=', userId).where('to_user_id', 'in', ids);
  const rows = await followed.execute();
  return rows.map(({ to_user_id }) => to_user_id);
}

/** The next followers by id, in a range. Left alone, MariaDB uses only the first column of the index. */
export async function findFollowerIds(
  db: Kysely<Database>,
  userId: string,
  after: string,
  upTo: string,
  limit: number,
): Promise<string[]> {
  const { rows } = await sql<{ from_user_id: string }>`
    SELECT from_user_id FROM friendships FORCE INDEX (friendships_to_user)
    WHERE to_user_id = ${userId} AND from_user_id > ${after} AND from_user_id <= ${upTo}
    ORDER BY from_user_id LIMIT ${limit}
  `.execute(db);
  return rows.map(({ from_user_id }) => from_user_id);
}
