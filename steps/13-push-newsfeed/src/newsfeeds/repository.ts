import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';

/** Puts a tweet into the feeds of these users, with one statement. */
export async function insertEntries(
  db: Kysely<Database>,
  userIds: string[],
  tweetId: string,
): Promise<void> {
  const entries = userIds.map((user_id) => ({ user_id, tweet_id: tweetId }));
  await db.insertInto('newsfeeds').values(entries).execute();
}

/** The ids of the newest tweets in a user's feed: one range of the primary key, read backwards. */
export async function findFeed(
  db: Kysely<Database>,
  userId: string,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom('newsfeeds')
    .select('tweet_id')
    .where('user_id', '=', userId)
    .orderBy('tweet_id', 'desc')
    .limit(limit)
    .execute();
  return rows.map(({ tweet_id }) => tweet_id);
}
