import { type Kysely, sql } from 'kysely';
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

export async function deleteLikes(db: Kysely<Database>, ids: string[]): Promise<void> {
  await db.deleteFrom('likes').where('id', 'in', ids).execute();
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

/** The next 1,000 likes by id, and whether the subject of each is gone. */
export async function findOrphans(db: Kysely<Database>, after: string) {
  const { rows } = await sql<{ id: string; isOrphan: number }>`
    SELECT id, IF(subject_type = 'tweet',
      NOT EXISTS (SELECT 1 FROM tweets WHERE tweets.id = subject_id),
      NOT EXISTS (SELECT 1 FROM comments WHERE comments.id = subject_id)) AS isOrphan
    FROM likes WHERE id > ${after} ORDER BY id LIMIT 1000
  `.execute(db);
  return rows;
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
