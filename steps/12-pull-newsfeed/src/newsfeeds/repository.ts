import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';

/**
 * The ids of the newest tweets of a user and of everybody they follow: found at read time, by
 * looking at every tweet of every author (fan-in).
 */
export async function findFeed(
  db: Kysely<Database>,
  userId: string,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom((eb) =>
      eb
        .selectFrom('friendships')
        .select('to_user_id as id')
        .where('from_user_id', '=', userId)
        .unionAll(eb.selectFrom('users').select('id').where('id', '=', userId))
        .as('authors'),
    )
    .innerJoin('tweets', 'tweets.user_id', 'authors.id')
    .select('tweets.id')
    .orderBy('tweets.id', 'desc')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}
