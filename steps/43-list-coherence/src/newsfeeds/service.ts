import type { Kysely, Transaction } from 'kysely';
import type { Database } from '../database.ts';
import type { Range, Slice } from '../pagination/keyset.ts';
import { addAuthor, deleteEntries, findFeed, insertEntries, removeAuthor } from './repository.ts';

/** Which tweets a user sees. What a tweet looks like is the business of tweets. */
export class NewsfeedService {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** The ids of tweets in a user's feed, newest first: their own are among them. */
  async tweetIds(userId: string, range: Range): Promise<Slice<string>> {
    return findFeed(this.#db, userId, range);
  }

  /**
   * Fan-out on write: puts a tweet into its author's feed and into that of every follower. They
   * come in batches, so that neither this process nor a statement ever holds all of them.
   */
  async deliver(
    trx: Transaction<Database>,
    tweetId: string,
    authorId: string,
    followers: AsyncIterable<string[]>,
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
}
