import type { Insertable, Kysely } from 'kysely';
import { toUser, USER_COLUMNS } from '../accounts/user.ts';
import { type Database, type NotificationsTable, readBy } from '../database.ts';
import { type Range, readSlice, type Slice } from '../pagination/keyset.ts';
import type { BareNotification } from './schemas.ts';

/** Inserts a notification, unless the same act has been told before. */
export async function insertNotification(
  db: Kysely<Database>,
  notification: Insertable<NotificationsTable>,
): Promise<void> {
  await db.insertInto('notifications').ignore().values(notification).execute();
}

/** A user's notifications, newest first: all, only the unread or the read, or only one. */
export async function findNotifications(
  db: Kysely<Database>,
  userId: string,
  { unread, id }: { unread?: boolean | undefined; id?: string },
  range: Range,
): Promise<Slice<BareNotification>> {
  const index = unread === undefined ? 'notifications_user' : 'notifications_user_unread';
  const query = db
    .selectFrom(readBy('notifications', 'n', index))
    .innerJoin('users', 'users.id', 'actor_id')
    .leftJoin('profiles', 'profiles.user_id', 'users.id')
    .select(['n.id', 'type', 'subject_type', 'subject_id', 'unread', 'n.created_at'])
    .select(USER_COLUMNS)
    .where('n.user_id', '=', userId)
    .$if(unread !== undefined, (query) => query.where('unread', '=', Number(unread)))
    .$if(id !== undefined, (query) => query.where('n.id', '=', id ?? ''));
  const slice = await readSlice(query, ['n.id'], range);
  const items = slice.items.map((row) => ({
    id: row.id,
    type: row.type,
    actor: toUser(row),
    subjectType: row.subject_type,
    subjectId: row.subject_id,
    unread: row.unread === 1,
    createdAt: row.created_at.toISOString(),
  }));
  return { ...slice, items };
}

/** Marks a notification as unread or read, if it is this user's. */
export async function setUnread(
  db: Kysely<Database>,
  userId: string,
  id: string,
  unread: boolean,
): Promise<void> {
  await db
    .updateTable('notifications')
    .set({ unread: Number(unread) })
    .where(({ and }) => and({ id, user_id: userId }))
    .execute();
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
