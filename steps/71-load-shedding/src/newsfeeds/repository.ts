import { type Kysely, sql } from 'kysely';
import { type Database, readBy } from '../database.ts';
import { type Range, readSlice, type Slice } from '../pagination/keyset.ts';

/** Puts a tweet into a feed. */
export async function insertEntry(
  db: Kysely<Database>,
  userId: string,
  tweetId: string,
): Promise<void> {
  await db.insertInto('newsfeeds').values({ user_id: userId, tweet_id: tweetId }).execute();
}

/**
 * Puts a tweet, if it is still there, into the feeds of those of its author's followers whose ids
 * are in this range and who follow still. Tweet and friendships are locked meanwhile: whoever
 * deletes one of them comes before, and it is not seen here, or after, and finds the entries.
 */
export async function insertForFollowers(
  db: Kysely<Database>,
  tweetId: string,
  firstId: string,
  lastId: string,
): Promise<void> {
  await sql`
    INSERT IGNORE INTO newsfeeds (user_id, tweet_id)
    SELECT friendships.from_user_id, tweets.id FROM tweets
    STRAIGHT_JOIN friendships FORCE INDEX (friendships_to_user) ON to_user_id = tweets.user_id
    WHERE tweets.id = ${tweetId} AND from_user_id BETWEEN ${firstId} AND ${lastId}
    LOCK IN SHARE MODE
  `.execute(db);
}

/** Which users of this range have a tweet in their feeds, by the index (tweet_id). */
export async function findReaders(
  db: Kysely<Database>,
  tweetId: string,
  firstId: string,
  lastId: string,
): Promise<string[]> {
  const feeds = db.selectFrom(readBy('newsfeeds', 'f', 'newsfeeds_tweet')).select('user_id');
  const readers = feeds.where('tweet_id', '=', tweetId).where('user_id', '>=', firstId);
  const rows = await readers.where('user_id', '<=', lastId).execute();
  return rows.map(({ user_id }) => user_id);
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
