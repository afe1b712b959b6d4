import type { Kysely, Transaction } from 'kysely';
import type { AccountService } from '../accounts/service.ts';
import type { Database } from '../database.ts';
import { insertLike } from './repository.ts';
import type { Subject } from './schemas.ts';

/** What a feature has to offer for its things to be liked. */
export interface Likeable {
  /** Keeps a thing from being deleted until the transaction ends. @throws the feature's 404 */
  lock(trx: Transaction<Database>, id: string): Promise<void>;
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
    return this.#db.transaction().execute(async (trx) => {
      await this.#likeables[subject.subjectType].lock(trx, subject.subjectId);
      return insertLike(trx, userId, subject);
    });
  }
}
