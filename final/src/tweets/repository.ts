import type { Kysely, Selectable, Transaction } from 'kysely';
import { toUser, USER_COLUMNS, type UserRow } from '../accounts/user.ts';
import { type Database, readBy, type TweetsTable } from '../database.ts';
import { type Range, readSlice, type Slice } from '../pagination/keyset.ts';
import type { Tweet } from './schemas.ts';

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

export async function findTweet(db: Kysely<Database>, id: string): Promise<Tweet | undefined> {
  const row = await selectTweets(db).where('tweets.id', '=', id).executeTakeFirst();
  return row && toTweet(row);
}

export async function findTweets(db: Kysely<Database>, ids: string[]): Promise<Tweet[]> {
  const rows = await selectTweets(db).where('tweets.id', 'in', ids).execute();
  return rows.map(toTweet);
}

/** Newest first, by a range of (user_id, id). Left alone, MariaDB reads all that is newer, too. */
export async function findTweetsOfUser(
  db: Kysely<Database>,
  userId: string,
  range: Range,
): Promise<Slice<Tweet>> {
  const query = selectTweets(db, 'tweets_user').where('tweets.user_id', '=', userId);
  const slice = await readSlice(query, ['tweets.id'], range);
  return { ...slice, items: slice.items.map(toTweet) };
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

/** Locks a tweet's row until the transaction ends, and returns whether there is one. */
export async function lockTweet(trx: Transaction<Database>, id: string): Promise<boolean> {
  const query = trx.selectFrom('tweets').select('id').where('id', '=', id).forUpdate();
  return (await query.executeTakeFirst()) !== undefined;
}

/** Tweets with their authors: one statement, however many tweets. */
function selectTweets(db: Kysely<Database>, index = 'PRIMARY') {
  return db
    .selectFrom(readBy('tweets', 'tweets', index))
    .innerJoin('users', 'users.id', 'tweets.user_id')
    .leftJoin('profiles', 'profiles.user_id', 'users.id')
    .select(['tweets.id', 'content', 'tweets.created_at', 'photos'])
    .select(USER_COLUMNS);
}

type TweetRow = Selectable<TweetsTable> & UserRow;

function toTweet({ id, content, created_at, ...row }: TweetRow): Tweet {
  const names: string[] = JSON.parse(row.photos);
  const photos = names.map((name) => ({ url: `/api/media/${name}` }));
  return { id, content, createdAt: created_at.toISOString(), user: toUser(row), photos };
}
