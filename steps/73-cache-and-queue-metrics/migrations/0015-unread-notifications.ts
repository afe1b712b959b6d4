import { type Kysely, sql } from 'kysely';

/** For the inbox (`WHERE user_id = ? ORDER BY id DESC`), and for what in it is unread, or counted. */
export async function up(db: Kysely<unknown>) {
  await sql`
    ALTER TABLE notifications
      ADD COLUMN unread BOOLEAN NOT NULL DEFAULT TRUE AFTER subject_id,
      ADD KEY notifications_user (user_id, id),
      ADD KEY notifications_user_unread (user_id, unread, id)
  `.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await sql`
    ALTER TABLE notifications DROP KEY notifications_user, DROP KEY notifications_user_unread,
      DROP COLUMN unread
  `.execute(db);
}
