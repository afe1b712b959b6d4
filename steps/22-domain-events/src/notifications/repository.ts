import type { Insertable, Kysely } from 'kysely';
import type { Database, NotificationsTable } from '../database.ts';

/** Inserts a notification, unless the same act has been told before. */
export async function insertNotification(
  db: Kysely<Database>,
  notification: Insertable<NotificationsTable>,
): Promise<void> {
  await db.insertInto('notifications').ignore().values(notification).execute();
}
