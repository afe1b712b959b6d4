import type { Kysely, Transaction } from 'kysely';
import type { Database } from '../database.ts';
import type { Beside, IdLists, Wanted } from '../lists/lists.ts';
import type { Range, Slice } from '../pagination/keyset.ts';
import {
  addAuthor,
  deleteEntries,
  findFeed,
  findReaders,
  insertEntry,
  insertForFollowers,
  removeAuthor,
} from './repository.ts';

/** The ids of a user's followers, in batches. */
type Followers = AsyncIterable<string[]> | Iterable<string[]>;

/** Which tweets a user sees. What a tweet looks like is the business of tweets. */
export class NewsfeedService {
  readonly #db: Kysely<Database>;
  readonly #lists: IdLists;

  constructor(db: Kysely<Database>, lists: IdLists) {
    this.#db = db;
    this.#lists = lists;
  }

  /** The ids of tweets in a user's feed, newest first: their own are among them. */
  async tweetIds(
    userId: string,
    range: Range,
    wanted?: Wanted,
  ): Promise<Slice<string> & { beside?: Beside }> {
    const read = (range: Range) => findFeed(this.#db, userId, range);
    const load = async (limit: number) => (await read({ limit })).items;
    return (await this.#lists.page(feedOf(userId), range, load, wanted)) ?? read(range);
  }

  /** A tweet enters its author's own feed in the transaction that posts it. */
  async deliver(trx: Transaction<Database>, tweetId: string, authorId: string): Promise<void> {
    await insertEntry(trx, authorId, tweetId);
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

  /** What was delivered is committed, and enters the copy of the author's feed, if there is one. */
  async show(tweetId: string, authorId: string): Promise<void> {
    await this.#lists.push([feedOf(authorId)], tweetId);
  }

  /** What was retracted is committed, and leaves the copy. */
  async hide(tweetId: string, authorId: string): Promise<void> {
    await this.#lists.remove([feedOf(authorId)], tweetId);
  }

  /**
   * Fan-out on write: the feeds of these followers, and the copies of them, get a tweet that is
   * there, and lose one that is gone. It may come at any time, and again. The followers come in
   * batches, so that neither this process nor a statement ever holds all of them.
   */
  async fanOut(tweetId: string, followers: Followers): Promise<void> {
    for await (const userIds of followers) {
      const range = [userIds.at(0) ?? '', userIds.at(-1) ?? ''] as const;
      await insertForFollowers(this.#db, tweetId, ...range);
      await this.#copy(tweetId, userIds, () => findReaders(this.#db, tweetId, ...range));
    }
  }

  /**
   * Brings the copies of these users' feeds to what the table says, until it has said the same
   * before and after. Whoever changes it later forgets their copy later.
   */
  async #copy(tweetId: string, userIds: string[], find: () => Promise<string[]>): Promise<void> {
    const all = new Set(userIds);
    let readers = new Set(await find());
    for (let told = '?'; told !== [...readers].join(); readers = new Set(await find())) {
      told = [...readers].join();
      for (const id of readers) all.add(id);
      await this.#lists.push(Array.from(readers, feedOf), tweetId);
      const others = [...all].filter((id) => !readers.has(id));
      await this.#lists.remove(others.map(feedOf), tweetId);
      // Others read the copies: this process does not put off what is owed until it reads.
      await this.#lists.settle();
    }
  }

  /** Whose tweets a user sees has changed, and is committed. */
  async changed(userId: string): Promise<void> {
    await this.#lists.forget(feedOf(userId));
  }
}

function feedOf(userId: string): string {
  return `feed of ${userId}`;
}
