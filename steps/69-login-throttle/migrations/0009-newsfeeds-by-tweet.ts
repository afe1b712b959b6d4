import type { Kysely } from 'kysely';

/** For a deleted tweet: `DELETE FROM newsfeeds WHERE tweet_id = ?`. */
export async function up(db: Kysely<unknown>) {
  await db.schema.createIndex('newsfeeds_tweet').on('newsfeeds').column('tweet_id').execute();
}

export async function down(db: Kysely<unknown>) {
  await db.schema.dropIndex('newsfeeds_tweet').on('newsfeeds').execute();
}
