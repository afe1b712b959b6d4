import { type Kysely, sql } from 'kysely';

/** As long as a tweet, and with its tweet and its author as logical foreign keys. */
export async function up(db: Kysely<unknown>) {
  await sql`
    CREATE TABLE comments (
      id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
      tweet_id BIGINT UNSIGNED NOT NULL,
      user_id BIGINT UNSIGNED NOT NULL,
      content VARCHAR(2800) NOT NULL,
      created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
    )
  `.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await db.schema.dropTable('comments').execute();
}
