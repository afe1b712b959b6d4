import { type Kysely, sql } from 'kysely';

/** The primary key answers "does A follow B?" and "whom does A follow?", the other key "who follows B?". */
export async function up(db: Kysely<unknown>) {
  await sql`
    CREATE TABLE friendships (
      from_user_id BIGINT UNSIGNED NOT NULL,
      to_user_id BIGINT UNSIGNED NOT NULL,
      created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
      PRIMARY KEY (from_user_id, to_user_id),
      KEY friendships_to_user (to_user_id, from_user_id)
    )
  `.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await db.schema.dropTable('friendships').execute();
}
