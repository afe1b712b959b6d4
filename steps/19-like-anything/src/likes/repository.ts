import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';
import type { Subject } from './schemas.ts';

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
