import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';
import { findFeed } from './repository.ts';

/** Which tweets a user sees. What a tweet looks like is the business of tweets. */
export class NewsfeedService {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** The ids of the 20 newest tweets in a user's feed, newest first: their own are among them. */
  async tweetIds(userId: string): Promise<string[]> {
    return findFeed(this.#db, userId, 20);
  }
}
