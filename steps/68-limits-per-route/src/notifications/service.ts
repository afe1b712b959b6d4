import createError from '@fastify/error';
import type { Insertable, Kysely } from 'kysely';
import type { CommentService } from '../comments/service.ts';
import type { Database, NotificationsTable } from '../database.ts';
import type { EventBus } from '../events.ts';
import type { Range, Slice } from '../pagination/keyset.ts';
import type { TweetService } from '../tweets/service.ts';
import {
  countUnread,
  findNotifications,
  insertNotification,
  markAllAsRead,
  setUnread,
} from './repository.ts';
import type { BareNotification, Notification } from './schemas.ts';

export const NotificationNotFound = createError(
  'NOTIFICATION_NOT_FOUND',
  'You have no such notification',
  404,
);

/** Listens to what happens, and tells whom it concerns. */
export class NotificationService {
  readonly #db: Kysely<Database>;
  readonly #tweets: TweetService;
  readonly #comments: CommentService;

  constructor(
    db: Kysely<Database>,
    events: EventBus,
    tweets: TweetService,
    comments: CommentService,
  ) {
    this.#db = db;
    this.#tweets = tweets;
    this.#comments = comments;
    events.on('comment.created', async ({ id, tweetId, user }) => {
      const [tweet] = await tweets.getMany([tweetId]);
      const what = { type: 'comment.created', subject_type: 'comment', subject_id: id } as const;
      if (tweet) await this.#tell({ user_id: tweet.user.id, actor_id: user.id, ...what });
    });
    events.on('like.created', async ({ userId, subject: { subjectType, subjectId }, ownerId }) => {
      const subject = { subject_type: subjectType, subject_id: subjectId };
      await this.#tell({ user_id: ownerId, actor_id: userId, type: 'like.created', ...subject });
    });
    events.on('user.followed', async ({ userId, toUserId }) => {
      const what = { type: 'user.followed', subject_type: 'user', subject_id: toUserId } as const;
      await this.#tell({ user_id: toUserId, actor_id: userId, ...what });
    });
  }

  /** A user's notifications, newest first; only the unread or the read on demand. */
  async inbox(userId: string, range: Range, unread?: boolean): Promise<Slice<Notification>> {
    const slice = await findNotifications(this.#db, userId, { unread }, range);
    return { ...slice, items: await this.#withContent(slice.items) };
  }

  async unreadCount(userId: string): Promise<number> {
    return countUnread(this.#db, userId);
  }

  /** Returns how many were unread. */
  async markAllAsRead(userId: string): Promise<number> {
    return markAllAsRead(this.#db, userId);
  }

  /** Marks one's own notification as unread or read. @throws {NotificationNotFound} */
  async mark(userId: string, id: string, unread: boolean): Promise<Notification> {
    await setUnread(this.#db, userId, id, unread);
    const { items } = await findNotifications(this.#db, userId, { id }, { limit: 1 });
    const [notification] = await this.#withContent(items);
    if (!notification) throw new NotificationNotFound();
    return notification;
  }

  /** Adds what the subjects say, as far as they are still there: one statement a kind. */
  async #withContent(notifications: BareNotification[]): Promise<Notification[]> {
    const idsOf = (type: string) =>
      notifications.filter((n) => n.subjectType === type).map((n) => n.subjectId);
    const said: Record<string, { id: string; content: string }[]> = {
      tweet: await this.#tweets.getMany(idsOf('tweet')),
      comment: await this.#comments.getMany(idsOf('comment')),
    };
    return notifications.map((n) => {
      const subject = said[n.subjectType]?.find(({ id }) => id === n.subjectId);
      return { ...n, content: subject?.content ?? null };
    });
  }

  /** Nobody is told what they did themselves. */
  async #tell(news: Insertable<NotificationsTable>): Promise<void> {
    if (news.user_id !== news.actor_id) await insertNotification(this.#db, news);
  }
}
