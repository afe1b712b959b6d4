import type { Kysely, Transaction } from 'kysely';
import type { Database } from '../database.ts';
import type { IdLists } from '../lists/lists.ts';
import type { Range, Slice } from '../pagination/keyset.ts';
import { addAuthor, deleteEntries, findFeed, insertEntries, removeAuthor } from './repository.ts';

/** The ids of a user's followers, in batches. */
type Followers = AsyncIterable<string[]>;

/** Which tweets a user sees. What a tweet looks like is the business of tweets. */
export class NewsfeedService {
  readonly #db: Kysely<Database>;
  readonly #lists: IdLists;

  constructor(db: Kysely<Database>, lists: IdLists) {
    this.#db = db;
    this.#lists = lists;
  }

  /** The ids of tweets in a user's feed, newest first: their own are among them. */
  async tweetIds(userId: string, range: Range): Promise<Slice<string>> {
    const read = (range: Range) => findFeed(this.#db, userId, range);
    const load = async (limit: number) => (await read({ limit })).items;
    return (await this.#lists.page(feedOf(userId), range, load)) ?? read(range);
  }

  /**
   * Fan-out on write: puts a tweet into its author's feed and into that of every follower. They
   * come in batches, so that neither this process nor a statement ever holds all of them.
   */
  async deliver(
    trx: Transaction<Database>,
    tweetId: string,
    authorId: string,
    followers: Followers,
  ): Promise<void> {
    await insertEntries(trx, [authorId], tweetId);
    for await (const userIds of followers) await insertEntries(trx, userIds, tweetId);
  }

  /** A user begins to follow an author, whose 800 newest tweets enter their feed. */
  async backfill(trx: Transaction<Database>, userId: string, authorId: string): Promise<void> {
    await addAuthor(trx, userId, authorId);
  }

  /** A user stops following an author, whose tweets leave their feed. */
  async withdraw(trx: Transaction<Database>, userId: string, authorId: string): Promise<void> {
    await removeAuthor(trx, userId, authorId);
  }

  /** A tweet is deleted, and leaves every feed. */
  async retract(trx: Transaction<Database>, tweetId: string): Promise<void> {
    await deleteEntries(trx, tweetId);
  }

  /** What was delivered is committed, and enters the copies of feeds that somebody has read. */
  async show(tweetId: string, authorId: string, followers: Followers): Promise<void> {
    await this.#lists.push([feedOf(authorId)], tweetId);
    for await (const userIds of followers) await this.#lists.push(userIds.map(feedOf), tweetId);
  }

  /** What was retracted is committed, and leaves the copies. */
  async hide(tweetId: string, authorId: string, followers: Followers): Promise<void> {
    await this.#lists.remove([feedOf(authorId)], tweetId);
    for await (const userIds of followers) await this.#lists.remove(userIds.map(feedOf), tweetId);
  }

  /** Whose tweets a user sees has changed, and is committed. */
  async changed(userId: string): Promise<void> {
    await this.#lists.forget(feedOf(userId));
  }
}

function feedOf(userId: string): string {
  return `feed of ${userId}`;
}
