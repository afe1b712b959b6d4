import type { Insertable, Kysely } from 'kysely';
import type { Database, NotificationsTable } from '../database.ts';
import type { EventBus } from '../events.ts';
import type { TweetService } from '../tweets/service.ts';
import { countUnread, findNotifications, insertNotification, markAllAsRead } from './repository.ts';
import type { Notification } from './schemas.ts';

/** Listens to what happens, and tells whom it concerns. */
export class NotificationService {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>, events: EventBus, tweets: TweetService) {
    this.#db = db;
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

  /** The 20 newest notifications of a user, newest first; only the unread or the read on demand. */
  async inbox(userId: string, unread?: boolean): Promise<Notification[]> {
    return findNotifications(this.#db, userId, unread, 20);
  }

  async unreadCount(userId: string): Promise<number> {
    return countUnread(this.#db, userId);
  }

  /** Returns how many were unread. */
  async markAllAsRead(userId: string): Promise<number> {
    return markAllAsRead(this.#db, userId);
  }

  /** Nobody is told what they did themselves. */
  async #tell(news: Insertable<NotificationsTable>): Promise<void> {
    if (news.user_id !== news.actor_id) await insertNotification(this.#db, news);
  }
}
