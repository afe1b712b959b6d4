import { type Kysely, sql } from 'kysely';

/**
 * How many comments a tweet has, beside the tweet. Those that are there are counted here, 1,000
 * tweets at a time: a statement keeps its locks until it ends, and one for all would stop everybody
 * who comments for as long as it runs.
 */
export async function up(db: Kysely<unknown>) {
  await sql`ALTER TABLE tweets ADD COLUMN comments_count INT NOT NULL DEFAULT 0`.execute(db);
  for (let ids = await idsAfter(db, '0'); ids.length > 0; ids = await idsAfter(db, ids.at(-1))) {
    await sql`
      UPDATE tweets SET
        comments_count = (SELECT COUNT(*) FROM comments WHERE tweet_id = tweets.id)
      WHERE id BETWEEN ${ids[0]} AND ${ids.at(-1)}
    `.execute(db);
  }
}

export async function down(db: Kysely<unknown>) {
  await sql`ALTER TABLE tweets DROP COLUMN comments_count`.execute(db);
}

async function idsAfter(db: Kysely<unknown>, last?: string): Promise<string[]> {
  const next = sql<{ id: string }>`SELECT id FROM tweets WHERE id > ${last} ORDER BY id LIMIT 1000`;
  return (await next.execute(db)).rows.map(({ id }) => id);
}
