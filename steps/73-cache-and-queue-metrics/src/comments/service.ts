import createError from '@fastify/error';
import type { Kysely, Transaction } from 'kysely';
import { AccountGone } from '../accounts/service.ts';
import { problemOf } from '../content.ts';
import type { Database } from '../database.ts';
import type { EventBus } from '../events.ts';
import { requireOwner } from '../ownership.ts';
import type { Range, Slice } from '../pagination/keyset.ts';
import type { Counts } from '../tweets/schemas.ts';
import type { TweetService } from '../tweets/service.ts';
import {
  addToComment,
  deleteComment,
  deleteCommentsOn,
  findComment,
  findCommentCounts,
  findComments,
  findCommentsOn,
  insertComment,
  updateComment,
} from './repository.ts';
import type { Comment, NewComment } from './schemas.ts';

export const InvalidComment = createError('INVALID_COMMENT', 'A comment %s', 400);
export const CommentNotFound = createError('COMMENT_NOT_FOUND', 'There is no such comment', 404);
export const NotYourComment = createError('NOT_YOUR_COMMENT', 'Only its author may do this', 403);

/** The rules of comments. */
export class CommentService {
  readonly #db: Kysely<Database>;
  readonly #tweets: TweetService;
  readonly #events: EventBus;

  constructor(db: Kysely<Database>, tweets: TweetService, events: EventBus) {
    this.#db = db;
    this.#tweets = tweets;
    this.#events = events;
    tweets.onDelete(deleteCommentsOn);
  }

  /**
   * Comments on a tweet, in 1 to 280 characters that are not blank.
   * @throws {InvalidComment}, {TweetNotFound}, or {AccountGone}: a token may outlive its account
   */
  async create(userId: string, comment: NewComment): Promise<Comment> {
    requireGoodText(comment.content);
    const created = await this.#db.transaction().execute(async (trx) => {
      await this.#tweets.addComments(trx, comment.tweetId, 1);
      const created = await findComment(trx, await insertComment(trx, userId, comment));
      if (!created) throw new AccountGone();
      return created;
    });
    await this.#events.emit('counts.changed', tweetOf(comment));
    await this.#events.emit('comment.created', created);
    return created;
  }

  /** @throws {CommentNotFound} */
  async get(id: string): Promise<Comment> {
    const comment = await findComment(this.#db, id);
    if (!comment) throw new CommentNotFound();
    return comment;
  }

  /** These comments, in no order, without those that are gone. */
  async getMany(ids: string[]): Promise<Comment[]> {
    return ids.length === 0 ? [] : findComments(this.#db, ids);
  }

  /** The comments on a tweet, oldest first. @throws {TweetNotFound} */
  async list(tweetId: string, range: Range): Promise<Slice<Comment>> {
    const comments = await findCommentsOn(this.#db, tweetId, range);
    if (comments.items.length === 0) await this.#tweets.get(tweetId);
    return comments;
  }

  /** The first 20, for whoever has the tweet already, and need not be told that there is none. */
  async firstOn(tweetId: string): Promise<Comment[]> {
    return (await findCommentsOn(this.#db, tweetId, { limit: 20 })).items;
  }

  /** How often these comments were liked, without those that are gone. */
  async counts(ids: string[]): Promise<Counts[]> {
    return findCommentCounts(this.#db, ids);
  }

  /** Counts likes that have come (1) or gone (-1). @throws {CommentNotFound} */
  async addLikes(trx: Transaction<Database>, id: string, by: number): Promise<void> {
    if (!(await addToComment(trx, id, by))) throw new CommentNotFound();
  }

  /** Rewrites one's own comment. @throws {InvalidComment}, {CommentNotFound} or {NotYourComment} */
  async edit(userId: string, id: string, content: string): Promise<Comment> {
    requireGoodText(content);
    requireOwner(await this.get(id), userId, NotYourComment);
    await updateComment(this.#db, id, content);
    return this.get(id);
  }

  /**
   * Deletes one's own comment. @throws {CommentNotFound}, {NotYourComment}, or {TweetNotFound}: its
   * tweet may go at the same time
   */
  async delete(userId: string, id: string): Promise<void> {
    const comment = await this.get(id);
    requireOwner(comment, userId, NotYourComment);
    await this.#db.transaction().execute(async (trx) => {
      await this.#tweets.addComments(trx, comment.tweetId, -1);
      if (!(await deleteComment(trx, id))) throw new CommentNotFound();
    });
    await this.#events.emit('counts.changed', tweetOf(comment));
  }
}

function tweetOf({ tweetId }: { tweetId: string }) {
  return { subjectType: 'tweet' as const, subjectId: tweetId };
}

function requireGoodText(content: string): void {
  const problem = problemOf(content);
  if (problem) throw new InvalidComment(problem);
}
