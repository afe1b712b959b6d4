import type { Kysely } from 'kysely';
import type { AccountService } from '../accounts/service.ts';
import type { Database } from '../database.ts';
import type { EventBus } from '../events.ts';
import type { Range, Slice } from '../pagination/keyset.ts';
import { countLikes, deleteLike, findLiked, findLikers, insertLike } from './repository.ts';
import type { Liker, Subject } from './schemas.ts';

/** What a feature has to offer for its things to be liked. */
export interface Likeable {
  /** @throws the feature's 404 */
  get(id: string): Promise<{ user: { id: string } }>;
}

type Likeables = Record<Subject['subjectType'], Likeable>;

/** The rules of likes. */
export class LikeService {
  readonly #db: Kysely<Database>;
  readonly #accounts: AccountService;
  readonly #likeables: Likeables;
  readonly #events: EventBus;

  constructor(
    db: Kysely<Database>,
    accounts: AccountService,
    likeables: Likeables,
    events: EventBus,
  ) {
    this.#db = db;
    this.#accounts = accounts;
    this.#likeables = likeables;
    this.#events = events;
  }

  /** Returns whether anything changed. @throws {AccountGone}, or the 404 of what is to be liked */
  async like(userId: string, subject: Subject): Promise<boolean> {
    await this.#accounts.get(userId);
    const { user } = await this.#likeables[subject.subjectType].get(subject.subjectId);
    const changed = await insertLike(this.#db, userId, subject);
    if (changed) await this.#events.emit('like.created', { userId, subject, ownerId: user.id });
    return changed;
  }

  /** Returns whether anything changed. @throws the 404 of what is not to be liked any more */
  async unlike(userId: string, subject: Subject): Promise<boolean> {
    await this.#likeables[subject.subjectType].get(subject.subjectId);
    return deleteLike(this.#db, userId, subject);
  }

  /** Who likes something, newest first. @throws the 404 of its kind */
  async likers(subject: Subject, range: Range): Promise<Slice<Liker>> {
    await this.#likeables[subject.subjectType].get(subject.subjectId);
    return findLikers(this.#db, subject, range);
  }

  /** For these subjects: how many like each, and whether the viewer does. Two statements. */
  async summary(subjectType: Subject['subjectType'], ids: string[], viewerId?: string) {
    if (ids.length === 0) return () => ({ likesCount: 0, hasLiked: false });
    const counts = await countLikes(this.#db, subjectType, ids);
    const liked = viewerId ? await findLiked(this.#db, viewerId, subjectType, ids) : new Set();
    return (id: string) => ({ likesCount: counts.get(id) ?? 0, hasLiked: liked.has(id) });
  }
}
