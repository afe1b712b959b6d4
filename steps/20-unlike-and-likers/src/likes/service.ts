import type { Kysely } from 'kysely';
import type { AccountService } from '../accounts/service.ts';
import type { Database } from '../database.ts';
import { deleteLike, findLikers, insertLike } from './repository.ts';
import type { Liker, Subject } from './schemas.ts';

/** What a feature has to offer for its things to be liked. */
export interface Likeable {
  /** @throws the feature's 404 */
  get(id: string): Promise<unknown>;
}

type Likeables = Record<Subject['subjectType'], Likeable>;

/** The rules of likes. */
export class LikeService {
  readonly #db: Kysely<Database>;
  readonly #accounts: AccountService;
  readonly #likeables: Likeables;

  constructor(db: Kysely<Database>, accounts: AccountService, likeables: Likeables) {
    this.#db = db;
    this.#accounts = accounts;
    this.#likeables = likeables;
  }

  /** Returns whether anything changed. @throws {AccountGone}, or the 404 of what is to be liked */
  async like(userId: string, subject: Subject): Promise<boolean> {
    await this.#accounts.get(userId);
    await this.#likeables[subject.subjectType].get(subject.subjectId);
    return insertLike(this.#db, userId, subject);
  }

  /** Returns whether anything changed. @throws the 404 of what is not to be liked any more */
  async unlike(userId: string, subject: Subject): Promise<boolean> {
    await this.#likeables[subject.subjectType].get(subject.subjectId);
    return deleteLike(this.#db, userId, subject);
  }

  /** The 20 who liked something last, newest first. @throws the 404 of its kind */
  async likers(subject: Subject): Promise<Liker[]> {
    await this.#likeables[subject.subjectType].get(subject.subjectId);
    return findLikers(this.#db, subject, 20);
  }
}
