import createError from '@fastify/error';
import type { Kysely } from 'kysely';
import { AccountGone } from '../accounts/service.ts';
import { problemOf } from '../content.ts';
import type { Database } from '../database.ts';
import type { TweetService } from '../tweets/service.ts';
import { findComment, insertComment } from './repository.ts';
import type { Comment, NewComment } from './schemas.ts';

export const InvalidComment = createError('INVALID_COMMENT', 'A comment %s', 400);

/** The rules of comments. */
export class CommentService {
  readonly #db: Kysely<Database>;
  readonly #tweets: TweetService;

  constructor(db: Kysely<Database>, tweets: TweetService) {
    this.#db = db;
    this.#tweets = tweets;
  }

  /**
   * Comments on a tweet, in 1 to 280 characters that are not blank.
   * @throws {InvalidComment}, {TweetNotFound}, or {AccountGone}: a token may outlive its account
   */
  async create(userId: string, comment: NewComment): Promise<Comment> {
    const problem = problemOf(comment.content);
    if (problem) throw new InvalidComment(problem);
    await this.#tweets.get(comment.tweetId);
    return this.#db.transaction().execute(async (trx) => {
      const created = await findComment(trx, await insertComment(trx, userId, comment));
      if (!created) throw new AccountGone();
      return created;
    });
  }
}
