import type { Kysely } from 'kysely';
import type { Database, UploadsTable } from '../database.ts';

export async function insertUpload(db: Kysely<Database>, upload: UploadsTable): Promise<void> {
  await db.insertInto('uploads').values(upload).execute();
}

/** The size that a user announced for an upload of theirs that is not over. */
export async function findSize(
  db: Kysely<Database>,
  id: string,
  userId: string,
): Promise<number | undefined> {
  const query = db.selectFrom('uploads').select('size').where('id', '=', id);
  const own = query.where('user_id', '=', userId).where('expires_at', '>', new Date());
  return (await own.executeTakeFirst())?.size;
}

/** The ids of a few uploads that were over by then. */
export async function findExpired(db: Kysely<Database>, before: Date): Promise<string[]> {
  const query = db.selectFrom('uploads').select('id').where('expires_at', '<', before);
  return (await query.orderBy('expires_at').limit(10).execute()).map(({ id }) => id);
}

export async function deleteUpload(db: Kysely<Database>, id: string): Promise<void> {
  await db.deleteFrom('uploads').where('id', '=', id).execute();
}
