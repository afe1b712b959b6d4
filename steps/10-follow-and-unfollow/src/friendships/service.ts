import createError from '@fastify/error';
import type { Kysely } from 'kysely';
import type { AccountService } from '../accounts/service.ts';
import type { Database } from '../database.ts';
import { deleteFriendship, insertFriendship } from './repository.ts';

export const FollowingYourself = createError(
  'FOLLOWING_YOURSELF',
  'Nobody follows themselves',
  400,
);

/** The rules of who follows whom. */
export class FriendshipService {
  readonly #db: Kysely<Database>;
  readonly #accounts: AccountService;

  constructor(db: Kysely<Database>, accounts: AccountService) {
    this.#db = db;
    this.#accounts = accounts;
  }

  /** Returns whether anything changed. @throws {FollowingYourself} or {UserNotFound} */
  async follow(userId: string, toUserId: string): Promise<boolean> {
    if (userId === toUserId) throw new FollowingYourself();
    await this.#accounts.requireUser(toUserId);
    return insertFriendship(this.#db, userId, toUserId);
  }

  /** Returns whether anything changed. @throws {FollowingYourself} or {UserNotFound} */
  async unfollow(userId: string, toUserId: string): Promise<boolean> {
    if (userId === toUserId) throw new FollowingYourself();
    await this.#accounts.requireUser(toUserId);
    return deleteFriendship(this.#db, userId, toUserId);
  }
}
