import type { Kysely, Transaction } from 'kysely';
import type { AccountService } from '../accounts/service.ts';
import { type Database, retryDeadlocks } from '../database.ts';
import type { EventBus } from '../events.ts';
import type { Beside } from '../lists/lists.ts';
import type { Chunk } from '../maintenance/jobs.ts';
import type { Range, Slice } from '../pagination/keyset.ts';
import type { KnownLikes } from './known.ts';
import {
  deleteLike,
  deleteLikes,
  findLiked,
  findLikers,
  findOrphans,
  insertLike,
} from './repository.ts';
import type { Liker, Subject } from './schemas.ts';

/** What a feature has to offer for its things to be liked. */
export interface Likeable {
  /** @throws the feature's 404 */
  get(id: string): Promise<{ user: { id: string } }>;
  /** Adds to its count of likes. @throws the feature's 404 */
  addLikes(trx: Transaction<Database>, id: string, by: number): Promise<void>;
}

type Write = typeof insertLike | typeof deleteLike;
type Likeables = Record<Subject['subjectType'], Likeable>;

/** The rules of likes. */
export class LikeService {
  readonly #db: Kysely<Database>;
  readonly #accounts: AccountService;
  readonly #likeables: Likeables;
  readonly #events: EventBus;
  readonly #known: KnownLikes;

  constructor(
    db: Kysely<Database>,
    accounts: AccountService,
    likeables: Likeables,
    events: EventBus,
    known: KnownLikes,
  ) {
    this.#db = db;
    this.#accounts = accounts;
    this.#likeables = likeables;
    this.#events = events;
    this.#known = known;
  }

  /** Returns whether anything changed. @throws {AccountGone}, or the 404 of what is to be liked */
  async like(userId: string, subject: Subject): Promise<boolean> {
    await this.#accounts.get(userId);
    const { user } = await this.#likeables[subject.subjectType].get(subject.subjectId);
    const changed = await this.#change(userId, subject, 1, insertLike);
    if (changed) await this.#events.emit('like.created', { userId, subject, ownerId: user.id });
    return changed;
  }

  /** Returns whether anything changed. @throws the 404 of what is not to be liked any more */
  async unlike(userId: string, subject: Subject): Promise<boolean> {
    await this.#likeables[subject.subjectType].get(subject.subjectId);
    return this.#change(userId, subject, -1, deleteLike);
  }

  /** Who likes something, newest first. @throws the 404 of its kind */
  async likers(subject: Subject, range: Range): Promise<Slice<Liker>> {
    await this.#likeables[subject.subjectType].get(subject.subjectId);
    return findLikers(this.#db, subject, range);
  }

  /** Which of these subjects the viewer likes: at most one statement. */
  async liked(
    subjectType: Subject['subjectType'],
    ids: string[],
    viewerId?: string,
    beside?: Beside,
  ) {
    if (!viewerId || ids.length === 0) return new Set<string>();
    const load = (missing: string[]) => findLiked(this.#db, viewerId, subjectType, missing);
    return this.#known.of(viewerId, subjectType, ids, load, beside);
  }

  /** What a list of these subjects shall read beside its ids for `liked`. */
  async wanted(subjectType: Subject['subjectType'], viewerId: string) {
    return this.#known.wanted(viewerId, subjectType);
  }

  /** Deletes the likes of what is gone among the next after this one. What is gone never comes back. */
  async sweep(after: string): Promise<Chunk> {
    const likes = await findOrphans(this.#db, after);
    const orphans = likes.filter(({ isOrphan }) => isOrphan).map(({ id }) => id);
    if (orphans.length > 0) await deleteLikes(this.#db, orphans);
    return { looked: likes.length, mended: orphans.length, last: likes.at(-1)?.id };
  }

  /**
   * Writes or deletes a like and, if that changed anything, counts it: both or neither. The count
   * comes last, since all who like the same thing wait for its row until the transaction ends.
   */
  async #change(userId: string, subject: Subject, by: number, write: Write): Promise<boolean> {
    const { subjectType, subjectId } = subject;
    const transact = async (trx: Transaction<Database>) => {
      const changed = await write(trx, userId, subject);
      if (changed) await this.#likeables[subjectType].addLikes(trx, subjectId, by);
      return changed;
    };
    const changed = await retryDeadlocks(() => this.#db.transaction().execute(transact));
    // Also if nothing has changed: whoever was first may not have come so far.
    await this.#known.changed(userId, subject);
    if (changed) await this.#events.emit('counts.changed', subject);
    return changed;
  }
}
