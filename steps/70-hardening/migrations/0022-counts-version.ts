import { type Kysely, sql } from 'kysely';

/** Goes up with every change of the counts beside it: of two copies of them it tells the newer. */
export async function up(db: Kysely<unknown>) {
  const column = sql`counts_version INT UNSIGNED NOT NULL DEFAULT 0`;
  await sql`ALTER TABLE tweets ADD COLUMN ${column}`.execute(db);
  await sql`ALTER TABLE comments ADD COLUMN ${column}`.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await sql`ALTER TABLE comments DROP COLUMN counts_version`.execute(db);
  await sql`ALTER TABLE tweets DROP COLUMN counts_version`.execute(db);
}
