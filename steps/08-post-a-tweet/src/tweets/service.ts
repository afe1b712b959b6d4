import createError from '@fastify/error';
import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';
import { countCharacters, isBlank } from './content.ts';
import { findTweet, insertTweet } from './repository.ts';
import type { Tweet } from './schemas.ts';

export const TweetNotFound = createError('TWEET_NOT_FOUND', 'There is no such tweet', 404);
export const InvalidTweet = createError('INVALID_TWEET', 'A tweet %s', 400);

/** The rules of tweets. */
export class TweetService {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Posts a tweet of 1 to 280 characters that is not blank. @throws {InvalidTweet} */
  async post(userId: string, content: string): Promise<Tweet> {
    if (!content.isWellFormed()) throw new InvalidTweet('is text: half an emoji is not');
    if (isBlank(content)) throw new InvalidTweet('says something');
    if (countCharacters(content) > 280) throw new InvalidTweet('has 280 characters at most');
    return this.get(await insertTweet(this.#db, userId, content));
  }

  /** @throws {TweetNotFound} */
  async get(id: string): Promise<Tweet> {
    const tweet = await findTweet(this.#db, id);
    if (!tweet) throw new TweetNotFound();
    return tweet;
  }
}
