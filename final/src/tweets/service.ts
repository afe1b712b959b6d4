import createError from '@fastify/error';
import type { Kysely, Transaction } from 'kysely';
import type { AccountService } from '../accounts/service.ts';
import type { ObjectCache } from '../cache/objects.ts';
import { problemOf } from '../content.ts';
import type { Database } from '../database.ts';
import type { IdLists } from '../lists/lists.ts';
import type { NewsfeedService } from '../newsfeeds/service.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { requireOwner } from '../ownership.ts';
import type { Range, Slice } from '../pagination/keyset.ts';
import { newName, type Storage, storeFor } from '../storage/storage.ts';
import {
  addToTweet,
  type BareTweet,
  deleteTweet,
  findCounts,
  findPhotos,
  findTimeline,
  findTweets,
  insertTweet,
} from './repository.ts';
import type { Counts, Tweet } from './schemas.ts';

export const TweetNotFound = createError('TWEET_NOT_FOUND', 'There is no such tweet', 404);
export const InvalidTweet = createError('INVALID_TWEET', 'A tweet %s', 400);
export const NotYourTweet = createError('NOT_YOUR_TWEET', 'Only its author may do this', 403);

/** What else has to go when a tweet goes, in the same transaction. */
export type Cleanup = (trx: Transaction<Database>, tweetId: string) => Promise<void>;

/** Where tweets are kept, and where copies of them are. */
interface Stores {
  db: Kysely<Database>;
  storage: Storage;
  cache: ObjectCache;
  lists: IdLists;
  outbox: Outbox;
}

/** The rules of tweets. */
export class TweetService {
  readonly #db: Kysely<Database>;
  readonly #accounts: AccountService;
  readonly #newsfeeds: NewsfeedService;
  readonly #cleanups: Cleanup[] = [];
  readonly #storage: Storage;
  readonly #cache: ObjectCache;
  readonly #lists: IdLists;
  readonly #outbox: Outbox;

  constructor(
    { db, storage, cache, lists, outbox }: Stores,
    accounts: AccountService,
    newsfeeds: NewsfeedService,
  ) {
    this.#db = db;
    this.#accounts = accounts;
    this.#newsfeeds = newsfeeds;
    this.#storage = storage;
    this.#cache = cache;
    this.#lists = lists;
    this.#outbox = outbox;
  }

  /**
   * Posts a tweet of 1 to 280 characters that is not blank, with its photos: all of it or nothing.
   * It is in its author's feed then; the followers come after it. @throws {InvalidTweet}
   */
  async post(userId: string, content: string, images: Buffer[] = []): Promise<Tweet> {
    const problem = problemOf(content);
    if (problem) throw new InvalidTweet(problem);
    const files = images.map((bytes) => ({ name: newName(), bytes }));
    const photos = files.map(({ name }) => name);
    const id = await this.#db.transaction().execute(async (trx) => {
      await this.#accounts.lockAuthor(trx, userId);
      return storeFor(this.#storage, files, async () => {
        const tweetId = await insertTweet(trx, userId, content, photos);
        await this.#outbox.add(trx, { tweetId, authorId: userId });
        await this.#newsfeeds.deliver(trx, tweetId, userId);
        return tweetId;
      });
    });
    await this.refresh(id, userId);
    this.#outbox.relay();
    return this.get(id);
  }

  /** @throws {TweetNotFound} */
  async get(id: string): Promise<Tweet> {
    const [tweet] = await this.getMany([id]);
    if (!tweet) throw new TweetNotFound();
    return tweet;
  }

  /** These tweets in this order, without those that are gone. From the cache. */
  async getMany(ids: string[]): Promise<Tweet[]> {
    const load = (missing: string[]) => findTweets(this.#db, missing);
    const found = await this.#cache.getMany('tweet', ids, load);
    return this.#withAuthors(ids.flatMap((id) => found.get(id) ?? []));
  }

  /** What is counted of these tweets, without those that are gone: one statement. */
  async counts(ids: string[]): Promise<Counts[]> {
    return ids.length === 0 ? [] : findCounts(this.#db, ids);
  }

  /** Tweets of a user, newest first. @throws {UserNotFound} */
  async timeline(userId: string, range: Range): Promise<Slice<Tweet>> {
    const read = (range: Range) => findTimeline(this.#db, userId, range);
    const load = async (limit: number) => (await read({ limit })).items;
    const kept = await this.#lists.page(`tweets of ${userId}`, range, load);
    const ids = kept ?? (await read(range));
    const items = await this.getMany(ids.items);
    if (items.length === 0) await this.#accounts.requireUser(userId);
    return { ...ids, items };
  }

  /** Deletes a tweet of one's own with its photos, from every feed too. @throws {TweetNotFound} or {NotYourTweet} */
  async delete(userId: string, id: string): Promise<void> {
    const deleted = await this.#db.transaction().execute(async (trx) => {
      await this.#accounts.lockAuthor(trx, userId);
      const names = await findPhotos(trx, id);
      if (!(await deleteTweet(trx, id, userId))) return undefined;
      await this.#newsfeeds.retract(trx, id);
      await this.#outbox.add(trx, { tweetId: id, authorId: userId });
      for (const cleanup of this.#cleanups) await cleanup(trx, id);
      return names;
    });
    if (deleted) {
      await this.refresh(id, userId);
      this.#outbox.relay();
      // A file that cannot be removed is named nowhere now, and does no harm.
      await Promise.allSettled(deleted.map((name) => this.#storage.delete(name)));
      return;
    }
    requireOwner(await this.get(id), userId, NotYourTweet);
    throw new TweetNotFound();
  }

  /**
   * Brings the copies of a tweet, and of the lists in which its author sees it, to what the table
   * says. It may come at any time after the commit, and again.
   */
  async refresh(id: string, authorId: string): Promise<void> {
    const read = async () => (await findTweets(this.#db, [id])).get(id);
    const tweet = await read();
    if (tweet) {
      await this.#cache.created('tweet', id, tweet);
      await this.#lists.push([`tweets of ${authorId}`], id);
      await this.#newsfeeds.show(id, authorId);
    }
    // What is deleted after this moment is refreshed after it, too.
    if (await read()) return;
    await this.#cache.forget('tweet', id);
    await this.#lists.remove([`tweets of ${authorId}`], id);
    await this.#newsfeeds.hide(id, authorId);
  }

  /** Has features that hang something on tweets take it off a tweet that is deleted. */
  onDelete(cleanup: Cleanup): void {
    this.#cleanups.push(cleanup);
  }

  /** Counts likes that have come (1) or gone (-1). @throws {TweetNotFound} */
  async addLikes(trx: Transaction<Database>, id: string, by: number): Promise<void> {
    if (!(await addToTweet(trx, id, 'likes_count', by))) throw new TweetNotFound();
  }

  /**
   * Counts comments that come (1) or go (-1), and keeps the tweet from being deleted meanwhile. To
   * be called before the comments are touched: a tweet is locked before what hangs on it,
   * by its deletion too, so that no two wait for each other. @throws {TweetNotFound}
   */
  async addComments(trx: Transaction<Database>, id: string, by: number): Promise<void> {
    if (!(await addToTweet(trx, id, 'comments_count', by))) throw new TweetNotFound();
  }

  /** Without the tweets whose authors have gone in this moment. */
  async #withAuthors(tweets: BareTweet[]): Promise<Tweet[]> {
    const users = await this.#accounts.users(tweets.map(({ userId }) => userId));
    return tweets.flatMap(({ userId, ...tweet }) => {
      const user = users.get(userId);
      return user ? { ...tweet, user } : [];
    });
  }
}
