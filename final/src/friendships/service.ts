import createError from '@fastify/error';
import type { Kysely } from 'kysely';
import type { AccountService } from '../accounts/service.ts';
import type { ObjectCache } from '../cache/objects.ts';
import type { Database } from '../database.ts';
import type { EventBus } from '../events.ts';
import type { NewsfeedService } from '../newsfeeds/service.ts';
import type { Range, Slice } from '../pagination/keyset.ts';
import {
  deleteFriendship,
  type End,
  findFollowed,
  findFollowerIds,
  findFollowings,
  findFriends,
  insertFriendship,
} from './repository.ts';
import type { Friend } from './schemas.ts';

export const FollowingYourself = createError(
  'FOLLOWING_YOURSELF',
  'Nobody follows themselves',
  400,
);

/** No row has a greater id. */
const LAST_ID = String(2n ** 64n - 1n);
/** So many followers are told of a tweet at once. */
export const BATCH = 1_000;
/** Whoever follows more is not kept: a value in Memcached has 1 MB, and each use reads all of it. */
const MAX_KEPT = 5_000;

/** The rules of who follows whom. */
export class FriendshipService {
  readonly #db: Kysely<Database>;
  readonly #accounts: AccountService;
  readonly #newsfeeds: NewsfeedService;
  readonly #events: EventBus;
  readonly #cache: ObjectCache;

  constructor(
    db: Kysely<Database>,
    accounts: AccountService,
    newsfeeds: NewsfeedService,
    events: EventBus,
    cache: ObjectCache,
  ) {
    this.#db = db;
    this.#accounts = accounts;
    this.#newsfeeds = newsfeeds;
    this.#events = events;
    this.#cache = cache;
  }

  /** Returns whether anything changed. @throws {FollowingYourself} or {UserNotFound} */
  async follow(userId: string, toUserId: string): Promise<boolean> {
    if (userId === toUserId) throw new FollowingYourself();
    const changed = await this.#db.transaction().execute(async (trx) => {
      await this.#accounts.lockAuthor(trx, toUserId);
      const changed = await insertFriendship(trx, userId, toUserId);
      if (changed) await this.#newsfeeds.backfill(trx, userId, toUserId);
      return changed;
    });
    if (!changed) return false;
    await this.#cache.forget('followings', userId);
    await this.#newsfeeds.changed(userId);
    await this.#events.emit('user.followed', { userId, toUserId });
    return true;
  }

  /** Returns whether anything changed. @throws {FollowingYourself} or {UserNotFound} */
  async unfollow(userId: string, toUserId: string): Promise<boolean> {
    if (userId === toUserId) throw new FollowingYourself();
    const changed = await this.#db.transaction().execute(async (trx) => {
      await this.#accounts.lockAuthor(trx, toUserId);
      const changed = await deleteFriendship(trx, userId, toUserId);
      if (changed) await this.#newsfeeds.withdraw(trx, userId, toUserId);
      return changed;
    });
    if (!changed) return false;
    await this.#cache.forget('followings', userId);
    await this.#newsfeeds.changed(userId);
    return true;
  }

  /**
   * Brings the tweets of an author in a user's feed in line with whether that user follows, as
   * following and unfollowing do it, and under the same lock: neither comes in between.
   */
  async align(userId: string, authorId: string): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      await this.#accounts.lockAuthor(trx, authorId);
      const followed = await findFollowed(trx, userId, [authorId]);
      if (userId === authorId || followed.length > 0)
        await this.#newsfeeds.backfill(trx, userId, authorId);
      else await this.#newsfeeds.withdraw(trx, userId, authorId);
    });
    await this.#newsfeeds.changed(userId);
  }

  /** A user's followers, newest first, as the viewer sees them. @throws as `#list` */
  async followers(userId: string, range: Range, viewerId?: string): Promise<Slice<Friend>> {
    return this.#list('to_user_id', userId, range, viewerId);
  }

  /** Whom a user follows, newest first, as the viewer sees them. @throws as `#list` */
  async followings(userId: string, range: Range, viewerId?: string): Promise<Slice<Friend>> {
    return this.#list('from_user_id', userId, range, viewerId);
  }

  /** The ids of a user's followers, of all or of those in this range, in batches. */
  async *followerIds(userId: string, after = '0', upTo = LAST_ID): AsyncGenerator<string[]> {
    let batch = await findFollowerIds(this.#db, userId, after, upTo, BATCH);
    while (batch.length > 0) {
      yield batch;
      batch = await findFollowerIds(this.#db, userId, batch.at(-1) ?? '', upTo, BATCH);
    }
  }

  /** @throws {UserNotFound} */
  async #list(given: End, userId: string, range: Range, viewerId?: string) {
    await this.#accounts.requireUser(userId);
    const slice = await findFriends(this.#db, given, userId, range);
    const ids = slice.items.map(({ user }) => user.id);
    const followed = new Set(viewerId && ids.length > 0 ? await this.#followed(viewerId, ids) : []);
    const items = slice.items.map((f) => ({ ...f, hasFollowed: followed.has(f.user.id) }));
    return { ...slice, items };
  }

  /** At least those of `ids` whom a user follows: all whom they follow, if these are kept. */
  async #followed(userId: string, ids: string[]): Promise<string[]> {
    const load = async () => {
      const all = await findFollowings(this.#db, userId, MAX_KEPT + 1);
      return new Map([[userId, all.length > MAX_KEPT ? 'too many' : all]]);
    };
    const kept = (await this.#cache.getMany('followings', [userId], load)).get(userId);
    return Array.isArray(kept) ? kept : findFollowed(this.#db, userId, ids);
  }
}
