import type { Kysely } from 'kysely';

/** For the comments on a tweet: `WHERE tweet_id = ? ORDER BY id LIMIT 20`. */
export async function up(db: Kysely<unknown>) {
  const index = db.schema.createIndex('comments_tweet').on('comments');
  await index.columns(['tweet_id', 'id']).execute();
}

export async function down(db: Kysely<unknown>) {
  await db.schema.dropIndex('comments_tweet').on('comments').execute();
}
