import { type Kysely, sql } from 'kysely';

/**
 * One row for each tweet in each feed. The primary key keeps a tweet from entering a feed twice,
 * and stores a feed's rows next to each other in the order in which they are read.
 */
export async function up(db: Kysely<unknown>) {
  await sql`
    CREATE TABLE newsfeeds (
      user_id BIGINT UNSIGNED NOT NULL,
      tweet_id BIGINT UNSIGNED NOT NULL,
      PRIMARY KEY (user_id, tweet_id)
    )
  `.execute(db);
  await sql`
    INSERT INTO newsfeeds (user_id, tweet_id)
    SELECT user_id, id FROM tweets
    UNION ALL
    SELECT from_user_id, id FROM tweets JOIN friendships ON to_user_id = tweets.user_id
  `.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await db.schema.dropTable('newsfeeds').execute();
}
