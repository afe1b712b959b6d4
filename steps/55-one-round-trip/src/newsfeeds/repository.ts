import type { Kysely } from 'kysely';
import { type Database, readBy } from '../database.ts';
import { type Range, readSlice, type Slice } from '../pagination/keyset.ts';

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
  range: Range,
): Promise<Slice<string>> {
  const feeds = readBy('newsfeeds', 'f', 'PRIMARY');
  const query = db.selectFrom(feeds).select('tweet_id').where('user_id', '=', userId);
  const slice = await readSlice(query, ['tweet_id'], range);
  return { ...slice, items: slice.items.map(({ tweet_id }) => tweet_id) };
}

/** Puts the 800 newest tweets of an author into a feed; those that are there already stay. */
export async function addAuthor(
  db: Kysely<Database>,
  userId: string,
  authorId: string,
): Promise<void> {
  const entries = db
    .selectFrom('tweets')
    .select((eb) => [eb.val(userId).as('user_id'), 'id'])
    .where('user_id', '=', authorId)
    .orderBy('id', 'desc')
    .limit(800);
  const feed = db.insertInto('newsfeeds').ignore().columns(['user_id', 'tweet_id']);
  await feed.expression(entries).execute();
}

/** Takes the tweets of an author out of a feed. */
export async function removeAuthor(
  db: Kysely<Database>,
  userId: string,
  authorId: string,
): Promise<void> {
  await db
    .deleteFrom('newsfeeds')
    .using(['newsfeeds', 'tweets'])
    .whereRef('tweets.id', '=', 'newsfeeds.tweet_id')
    .where('tweets.user_id', '=', authorId)
    .where('newsfeeds.user_id', '=', userId)
    .execute();
}

/** Takes a tweet out of every feed, by the index (tweet_id). */
export async function deleteEntries(db: Kysely<Database>, tweetId: string): Promise<void> {
  await db.deleteFrom('newsfeeds').where('tweet_id', '=', tweetId).execute();
}
