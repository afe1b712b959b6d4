import type { Kysely } from 'kysely';
import type { Database, UploadsTable } from '../database.ts';

export async function insertUpload(db: Kysely<Database>, upload: UploadsTable): Promise<void> {
  await db.insertInto('uploads').values(upload).execute();
}
