import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import { type Database, readBy, type TweetsTable } from '../database.ts';
import { type Range, readSlice, type Slice } from '../pagination/keyset.ts';
import type { Counts, Tweet } from './schemas.ts';

/** A tweet without its author, who is kept elsewhere. */
export type BareTweet = Omit<Tweet, 'user'> & { userId: string };

/** Inserts a tweet and returns its id. */
export async function insertTweet(
  db: Kysely<Database>,
  userId: string,
  content: string,
  photos: string[],
): Promise<string> {
  const { insertId } = await db
    .insertInto('tweets')
    .values({ user_id: userId, content, photos: JSON.stringify(photos) })
    .executeTakeFirstOrThrow();
  return String(insertId);
}

/** These tweets, by id. */
export async function findTweets(
  db: Kysely<Database>,
  ids: string[],
): Promise<Map<string, BareTweet>> {
  const rows = await db.selectFrom('tweets').selectAll().where('id', 'in', ids).execute();
  return new Map(rows.map((row) => [row.id, toTweet(row)]));
}

/** What is counted of these tweets, by the primary key. */
export async function findCounts(db: Kysely<Database>, ids: string[]): Promise<Counts[]> {
  const counts = [
    'id',
    'counts_version as version',
    'comments_count as commentsCount',
    'likes_count as likesCount',
  ] as const;
  return db.selectFrom('tweets').select(counts).where('id', 'in', ids).execute();
}

/**
 * The ids of a user's tweets, newest first, by a range of (user_id, id), without their rows. Left
 * alone, MariaDB reads all that is newer, too.
 */
export async function findTimeline(
  db: Kysely<Database>,
  userId: string,
  range: Range,
): Promise<Slice<string>> {
  const tweets = db.selectFrom(readBy('tweets', 'tweets', 'tweets_user')).select('id');
  const slice = await readSlice(tweets.where('user_id', '=', userId), ['id'], range);
  return { ...slice, items: slice.items.map(({ id }) => id) };
}

/** The names of a tweet's photos in the storage. */
export async function findPhotos(db: Kysely<Database>, id: string): Promise<string[]> {
  const query = db.selectFrom('tweets').select('photos').where('id', '=', id);
  return JSON.parse((await query.executeTakeFirst())?.photos ?? '[]');
}

/** Deletes a tweet if it is this user's, and returns whether it was there to delete. */
export async function deleteTweet(
  db: Kysely<Database>,
  id: string,
  userId: string,
): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('tweets')
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return numDeletedRows === 1n;
}

/**
 * Adds to a count of a tweet, and returns whether there is such a tweet. Its row stays locked until
 * the transaction ends.
 */
export async function addToTweet(
  trx: Transaction<Database>,
  id: string,
  column: 'comments_count' | 'likes_count',
  by: number,
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('tweets')
    .set(column, sql`${sql.ref(column)} + ${by}`)
    .set('counts_version', sql`counts_version + 1`)
    .where('id', '=', id)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

function toTweet({ id, user_id, content, created_at, ...row }: Selectable<TweetsTable>): BareTweet {
  const names: string[] = JSON.parse(row.photos);
  const photos = names.map((name) => ({ url: `/api/media/${name}` }));
  return { id, userId: user_id, content, createdAt: created_at.toISOString(), photos };
}
