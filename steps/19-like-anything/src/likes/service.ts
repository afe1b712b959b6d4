import type { Kysely } from 'kysely';
import type { AccountService } from '../accounts/service.ts';
import type { Database } from '../database.ts';
import { insertLike } from './repository.ts';
import type { Subject } from './schemas.ts';

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
}
