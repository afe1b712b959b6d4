import type { Kysely } from 'kysely';
import { toUser, USER_COLUMNS } from '../accounts/user.ts';
import { type Database, readBy } from '../database.ts';
import { type Range, readSlice, type Slice } from '../pagination/keyset.ts';
import type { Liker, Subject } from './schemas.ts';

/** Inserts "this user likes this" unless it is there, and returns whether it was missing. */
export async function insertLike(
  db: Kysely<Database>,
  userId: string,
  { subjectType, subjectId }: Subject,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('likes')
    .ignore()
    .values({ user_id: userId, subject_type: subjectType, subject_id: subjectId })
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** Deletes "this user likes this", and returns whether it was there. */
export async function deleteLike(
  db: Kysely<Database>,
  userId: string,
  { subjectType, subjectId }: Subject,
): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('likes')
    .where('user_id', '=', userId)
    .where('subject_type', '=', subjectType)
    .where('subject_id', '=', subjectId)
    .executeTakeFirst();
  return numDeletedRows === 1n;
}

/** Who liked something last, newest first, by the index (subject_type, subject_id, id). */
export async function findLikers(
  db: Kysely<Database>,
  { subjectType, subjectId }: Subject,
  range: Range,
): Promise<Slice<Liker>> {
  const query = db
    .selectFrom(readBy('likes', 'likes', 'likes_subject'))
    .innerJoin('users', 'users.id', 'likes.user_id')
    .leftJoin('profiles', 'profiles.user_id', 'users.id')
    .select(['likes.created_at', ...USER_COLUMNS])
    .where('subject_type', '=', subjectType)
    .where('subject_id', '=', subjectId);
  const slice = await readSlice(query, ['likes.id'], range);
  const items = slice.items.map(({ created_at, ...user }) => ({
    user: toUser(user),
    createdAt: created_at.toISOString(),
  }));
  return { ...slice, items };
}

/** Which of these subjects a user likes, by the unique key. */
export async function findLiked(
  db: Kysely<Database>,
  userId: string,
  subjectType: Subject['subjectType'],
  subjectIds: string[],
): Promise<Set<string>> {
  const query = db.selectFrom('likes').select('subject_id').where('user_id', '=', userId);
  const rows = await query
    .where('subject_type', '=', subjectType)
    .where('subject_id', 'in', subjectIds)
    .execute();
  return new Set(rows.map(({ subject_id }) => subject_id));
}
