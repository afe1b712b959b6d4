import type { BenchContext } from './context.ts';

/** Makes a table `numbers` with n from 0 to 9,999, for INSERT … SELECT. Whoever makes it drops it. */
export async function makeNumbers(context: BenchContext, database: string): Promise<void> {
  const digits = Array.from({ length: 10 }, (_, n) => `SELECT ${n} AS n`).join(' UNION ALL ');
  await context.sql('CREATE TABLE numbers (n INT PRIMARY KEY)', database);
  await context.sql(
    `INSERT INTO numbers
    WITH d AS (${digits})
    SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n FROM d a, d b, d c, d e`,
    database,
  );
}

/** Makes users with ids from `first` on, called `u` and the id. Their password is that of `like`. */
export async function makeUsers(
  context: BenchContext,
  database: string,
  { first, count, like }: { first: number; count: number; like: number },
): Promise<void> {
  await context.sql(
    `INSERT INTO users (id, username, email, password_hash)
      SELECT ${first} + n, CONCAT('u', ${first} + n), CONCAT('u', ${first} + n, '@example.com'), hash
      FROM numbers JOIN (SELECT password_hash AS hash FROM users WHERE id = ${like}) AS one
      WHERE n < ${count}`,
    database,
  );
}
