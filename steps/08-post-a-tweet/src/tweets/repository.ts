import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';
import type { Tweet } from './schemas.ts';

/** Inserts a tweet and returns its id. */
export async function insertTweet(
  db: Kysely<Database>,
  userId: string,
  content: string,
): Promise<string> {
  const { insertId } = await db
    .insertInto('tweets')
    .values({ user_id: userId, content })
    .executeTakeFirstOrThrow();
  return String(insertId);
}

export async function findTweet(db: Kysely<Database>, id: string): Promise<Tweet | undefined> {
  const row = await db
    .selectFrom('tweets')
    .innerJoin('users', 'users.id', 'tweets.user_id')
    .select(['tweets.id', 'content', 'tweets.created_at', 'user_id', 'username'])
    .where('tweets.id', '=', id)
    .executeTakeFirst();
  if (!row) return undefined;
  const { user_id, username, created_at, ...rest } = row;
  return { ...rest, createdAt: created_at.toISOString(), user: { id: user_id, username } };
}
