import type { Kysely } from 'kysely';

/** For a user's timeline: `WHERE user_id = ? ORDER BY id DESC LIMIT 20`. */
export async function up(db: Kysely<unknown>) {
  await db.schema.createIndex('tweets_user').on('tweets').columns(['user_id', 'id']).execute();
}

export async function down(db: Kysely<unknown>) {
  await db.schema.dropIndex('tweets_user').on('tweets').execute();
}
