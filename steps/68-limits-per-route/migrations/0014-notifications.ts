import { type Kysely, sql } from 'kysely';

/** The unique key has one act of one person told once, however often it is done and undone. */
export async function up(db: Kysely<unknown>) {
  await sql`
    CREATE TABLE notifications (
      id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
      user_id BIGINT UNSIGNED NOT NULL,
      actor_id BIGINT UNSIGNED NOT NULL,
      type ENUM('comment.created', 'like.created', 'user.followed') NOT NULL,
      subject_type ENUM('tweet', 'comment', 'user') NOT NULL,
      subject_id BIGINT UNSIGNED NOT NULL,
      created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
      UNIQUE KEY notifications_once (actor_id, type, subject_type, subject_id)
    )
  `.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await db.schema.dropTable('notifications').execute();
}
