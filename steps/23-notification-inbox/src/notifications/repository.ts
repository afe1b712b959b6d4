import type { Insertable, Kysely } from 'kysely';
import type { Database, NotificationsTable } from '../database.ts';
import type { Notification } from './schemas.ts';

/** Inserts a notification, unless the same act has been told before. */
export async function insertNotification(
  db: Kysely<Database>,
  notification: Insertable<NotificationsTable>,
): Promise<void> {
  await db.insertInto('notifications').ignore().values(notification).execute();
}

/** A user's newest notifications, newest first; `unread` asks for only one kind of them. */
export async function findNotifications(
  db: Kysely<Database>,
  userId: string,
  unread: boolean | undefined,
  limit: number,
): Promise<Notification[]> {
  const rows = await db
    .selectFrom('notifications as n')
    .innerJoin('users', 'users.id', 'actor_id')
    .select(['n.id', 'type', 'actor_id', 'username', 'subject_type', 'subject_id', 'unread'])
    .select('n.created_at')
    .where('user_id', '=', userId)
    .$if(unread !== undefined, (query) => query.where('unread', '=', Number(unread)))
    .orderBy('n.id', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    type: row.type,
    actor: { id: row.actor_id, username: row.username },
    subjectType: row.subject_type,
    subjectId: row.subject_id,
    unread: row.unread === 1,
    createdAt: row.created_at.toISOString(),
  }));
}

/** How many notifications of a user are unread. */
export async function countUnread(db: Kysely<Database>, userId: string): Promise<number> {
  const { count } = await db
    .selectFrom('notifications')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where(({ and }) => and({ user_id: userId, unread: 1 }))
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Marks all of a user's notifications as read, and returns how many were not. */
export async function markAllAsRead(db: Kysely<Database>, userId: string): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('notifications')
    .set({ unread: 0 })
    .where(({ and }) => and({ user_id: userId, unread: 1 }))
    .executeTakeFirst();
  return Number(numUpdatedRows);
}
