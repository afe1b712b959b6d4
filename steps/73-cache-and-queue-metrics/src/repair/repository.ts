import { type Kysely, sql, type Transaction } from 'kysely';
import type { Database } from '../database.ts';
import type { Subject } from '../likes/schemas.ts';

export type Kind = Subject['subjectType'];

const likesOf = (kind: Kind) =>
  sql`(SELECT COUNT(*) FROM likes WHERE subject_type = ${kind} AND subject_id = things.id)`;

/** Each count that is kept in a column, and what it counts. */
const COUNTED = {
  tweet: {
    likes_count: likesOf('tweet'),
    comments_count: sql`(SELECT COUNT(*) FROM comments WHERE tweet_id = things.id)`,
  },
  comment: { likes_count: likesOf('comment') },
};
const THINGS = { tweet: sql`tweets AS things`, comment: sql`comments AS things` };

/** What the columns of a thing say, and what there is to count, in the order of `COUNTED`. */
export interface Recount {
  id: string;
  said: string;
  counted: string;
}

/**
 * Counts again what the next 200 things have, without a lock. It is one statement, and so one
 * snapshot: a like and its count are both in it, or neither.
 */
export async function recount(db: Kysely<Database>, kind: Kind, after: string): Promise<Recount[]> {
  const columns = sql.join(Object.keys(COUNTED[kind]).map((column) => sql.ref(column)));
  const { rows } = await sql<Recount>`
    SELECT id, CONCAT_WS(' ', ${columns}) AS said,
      CONCAT_WS(' ', ${sql.join(Object.values(COUNTED[kind]))}) AS counted
    FROM ${THINGS[kind]} WHERE id > ${after} ORDER BY id LIMIT 200
  `.execute(db);
  return rows;
}

/** Has whoever counts for a thing wait until the transaction ends. */
export async function lockThing(trx: Transaction<Database>, kind: Kind, id: string): Promise<void> {
  await sql`SELECT id FROM ${THINGS[kind]} WHERE id = ${id} FOR UPDATE`.execute(trx);
}

/** Writes what there is to count, as a change of the counts like any other: with a new version. */
export async function writeCounts(
  trx: Transaction<Database>,
  kind: Kind,
  id: string,
): Promise<void> {
  const counts = Object.entries(COUNTED[kind]).map(
    ([name, count]) => sql`${sql.ref(name)} = ${count}`,
  );
  await sql`
    UPDATE ${THINGS[kind]} SET ${sql.join(counts)}, counts_version = counts_version + 1
    WHERE id = ${id}
  `.execute(trx);
}

export async function findUserIds(db: Kysely<Database>, after: string): Promise<string[]> {
  const users = db.selectFrom('users').select('id').where('id', '>', after);
  return (await users.orderBy('id').limit(20).execute()).map(({ id }) => id);
}

/** A tweet that a feed should not have, or should. */
interface Misfit {
  tweetId: string;
  authorId: string;
}

/** What among the 800 newest of a feed is of nobody whom its owner follows. */
export async function findStrays(db: Kysely<Database>, userId: string): Promise<Misfit[]> {
  const { rows } = await sql<Misfit>`
    SELECT tweet_id AS tweetId, user_id AS authorId
    FROM (SELECT tweet_id FROM newsfeeds WHERE user_id = ${userId}
      ORDER BY tweet_id DESC LIMIT 800) AS newest
    JOIN tweets ON tweets.id = tweet_id
    JOIN users ON users.id = user_id
    LEFT JOIN friendships ON from_user_id = ${userId} AND to_user_id = user_id
    WHERE to_user_id IS NULL AND user_id <> ${userId}
  `.execute(db);
  return rows;
}

/** What is not among the 800 newest of a feed and should be, unless it may still be on its way. */
export async function findMissing(db: Kysely<Database>, userId: string): Promise<Misfit[]> {
  const feed = db.selectFrom('newsfeeds').select('tweet_id').where('user_id', '=', userId);
  const last = await feed.orderBy('tweet_id', 'desc').limit(1).offset(799).executeTakeFirst();
  const authorIds = await findAuthorIds(db, userId);
  const missing: Misfit[] = [];
  for (let n = 0; n < authorIds.length; n += 1_000) {
    const ids = sql.join(authorIds.slice(n, n + 1_000));
    // Joined with the authors, it would look at all that they have ever posted.
    const { rows } = await sql<Misfit>`
      SELECT tweets.id AS tweetId, tweets.user_id AS authorId FROM tweets FORCE INDEX (tweets_user)
      LEFT JOIN newsfeeds ON newsfeeds.user_id = ${userId} AND tweet_id = tweets.id
      WHERE tweets.user_id IN (${ids}) AND tweets.id > ${last?.tweet_id ?? '0'}
        AND tweet_id IS NULL AND tweets.created_at < NOW(6) - INTERVAL 10 MINUTE
      ORDER BY tweets.id DESC LIMIT 800
    `.execute(db);
    missing.push(...rows);
  }
  return missing;
}

/** A user and all whom they follow. */
async function findAuthorIds(db: Kysely<Database>, userId: string): Promise<string[]> {
  const friends = db.selectFrom('friendships').where('from_user_id', '=', userId);
  const authors = friends.innerJoin('users', 'users.id', 'to_user_id').select('users.id');
  return [userId, ...(await authors.execute()).map(({ id }) => id)];
}
