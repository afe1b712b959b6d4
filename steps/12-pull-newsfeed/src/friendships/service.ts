import createError from '@fastify/error';
import type { Kysely } from 'kysely';
import type { AccountService } from '../accounts/service.ts';
import type { Database } from '../database.ts';
import { deleteFriendship, type End, findFriends, insertFriendship } from './repository.ts';
import type { Friend } from './schemas.ts';

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

  /** The 20 newest followers of a user, as the viewer sees them. @throws {UserNotFound} */
  async followers(userId: string, viewerId?: string): Promise<Friend[]> {
    return this.#list('to_user_id', userId, viewerId);
  }

  /** The 20 whom a user followed last, as the viewer sees them. @throws {UserNotFound} */
  async followings(userId: string, viewerId?: string): Promise<Friend[]> {
    return this.#list('from_user_id', userId, viewerId);
  }

  async #list(given: End, userId: string, viewerId?: string): Promise<Friend[]> {
    await this.#accounts.requireUser(userId);
    return findFriends(this.#db, given, userId, viewerId, 20);
  }
}
