import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';
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

/** A comment with its author; undefined if one of the two is not there. */
export async function findComment(db: Kysely<Database>, id: string): Promise<Comment | undefined> {
  const row = await db
    .selectFrom('comments')
    .innerJoin('users', 'users.id', 'comments.user_id')
    .select(['comments.id', 'tweet_id', 'content', 'comments.created_at', 'user_id', 'username'])
    .where('comments.id', '=', id)
    .executeTakeFirst();
  if (!row) return undefined;
  const { tweet_id: tweetId, user_id, username, created_at, ...rest } = row;
  const user = { id: user_id, username };
  return { ...rest, tweetId, createdAt: created_at.toISOString(), user };
}
