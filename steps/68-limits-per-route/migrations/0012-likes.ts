import { type Kysely, sql } from 'kysely';

/** What is liked has a type and an id; the unique key lets everybody like it once. */
export async function up(db: Kysely<unknown>) {
  await sql`
    CREATE TABLE likes (
      id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
      user_id BIGINT UNSIGNED NOT NULL,
      subject_type ENUM('tweet', 'comment') NOT NULL,
      subject_id BIGINT UNSIGNED NOT NULL,
      created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
      UNIQUE KEY likes_once (user_id, subject_type, subject_id)
    )
  `.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await db.schema.dropTable('likes').execute();
}
