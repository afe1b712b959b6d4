import type { Kysely } from 'kysely';

/** For the likers: `WHERE subject_type = ? AND subject_id = ? ORDER BY id DESC LIMIT 20`. */
export async function up(db: Kysely<unknown>) {
  const index = db.schema.createIndex('likes_subject').on('likes');
  await index.columns(['subject_type', 'subject_id', 'id']).execute();
}

export async function down(db: Kysely<unknown>) {
  await db.schema.dropIndex('likes_subject').on('likes').execute();
}
