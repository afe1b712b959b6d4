import { type Kysely, sql } from 'kysely';

/** What has happened and is not yet in the queue. Mostly empty. */
export async function up(db: Kysely<unknown>) {
  await sql`
    CREATE TABLE outbox (
      id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
      tweet_id BIGINT UNSIGNED NOT NULL,
      author_id BIGINT UNSIGNED NOT NULL,
      created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
    )
  `.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await db.schema.dropTable('outbox').execute();
}
