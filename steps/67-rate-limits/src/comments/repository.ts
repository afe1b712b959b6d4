import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import { toUser, USER_COLUMNS, type UserRow } from '../accounts/user.ts';
import { type CommentsTable, type Database, readBy } from '../database.ts';
import { type Range, readSlice, type Slice } from '../pagination/keyset.ts';
import type { Counts } from '../tweets/schemas.ts';
import type { Comment, NewComment } from './schemas.ts';

/** Inserts a comment and returns its id. */
export async function insertComment(
  db: Kysely<Database>,
  userId: string,
  { tweetId, content }: NewComment,
): Promise<string> {
  const row = { tweet_id: tweetId, user_id: userId, content };
  const { insertId } = await db.insertInto('comments').values(row).executeTakeFirstOrThrow();
  return String(insertId);
}

/** Gives a comment another text. */
export async function updateComment(
  db: Kysely<Database>,
  id: string,
  content: string,
): Promise<void> {
  await db.updateTable('comments').set({ content }).where('id', '=', id).execute();
}

/** Deletes a comment, and returns whether it was there to delete. */
export async function deleteComment(db: Kysely<Database>, id: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('comments')
    .where('id', '=', id)
    .executeTakeFirst();
  return numDeletedRows === 1n;
}

/** Deletes the comments on a tweet, by the index (tweet_id, id). */
export async function deleteCommentsOn(db: Kysely<Database>, tweetId: string): Promise<void> {
  await db.deleteFrom('comments').where('tweet_id', '=', tweetId).execute();
}

/** A comment with its author; undefined if one of the two is not there. */
export async function findComment(db: Kysely<Database>, id: string): Promise<Comment | undefined> {
  const row = await selectComments(db).where('comments.id', '=', id).executeTakeFirst();
  return row && toComment(row);
}

export async function findComments(db: Kysely<Database>, ids: string[]): Promise<Comment[]> {
  return (await selectComments(db).where('comments.id', 'in', ids).execute()).map(toComment);
}

/** How often these comments were liked, by the primary key. */
export async function findCommentCounts(db: Kysely<Database>, ids: string[]): Promise<Counts[]> {
  const query = db.selectFrom('comments').where('id', 'in', ids);
  const counts = query.select(['id', 'counts_version as version', 'likes_count as likesCount']);
  return (await counts.execute()).map((row) => ({ ...row, commentsCount: 0 }));
}

/** The comments on a tweet, oldest first, by the index (tweet_id, id). */
export async function findCommentsOn(
  db: Kysely<Database>,
  tweetId: string,
  range: Range,
): Promise<Slice<Comment>> {
  const query = selectComments(db, 'comments_tweet').where('tweet_id', '=', tweetId);
  const slice = await readSlice(query, ['comments.id'], range, 'asc');
  return { ...slice, items: slice.items.map(toComment) };
}

/** Adds to a comment's count of likes, and returns whether there is such a comment. */
export async function addToComment(trx: Transaction<Database>, id: string, likes: number) {
  const query = trx.updateTable('comments').set('likes_count', sql`likes_count + ${likes}`);
  const changed = query.set('counts_version', sql`counts_version + 1`).where('id', '=', id);
  const { numUpdatedRows } = await changed.executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** Comments with their authors: one statement, however many comments. */
function selectComments(db: Kysely<Database>, index = 'PRIMARY') {
  return db
    .selectFrom(readBy('comments', 'comments', index))
    .innerJoin('users', 'users.id', 'comments.user_id')
    .leftJoin('profiles', 'profiles.user_id', 'users.id')
    .select(['comments.id', 'tweet_id', 'content', 'comments.created_at'])
    .select(USER_COLUMNS);
}

type Shown = 'id' | 'tweet_id' | 'content' | 'created_at';
type CommentRow = Pick<Selectable<CommentsTable>, Shown> & UserRow;

function toComment({ id, tweet_id, content, created_at, ...row }: CommentRow): Comment {
  const createdAt = created_at.toISOString();
  return { id, tweetId: tweet_id, content, createdAt, user: toUser(row) };
}
