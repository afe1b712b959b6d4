import { type Kysely, sql } from 'kysely';

/** The photos of a tweet as JSON, in order: they come and go with it, and are never asked for alone. */
export async function up(db: Kysely<unknown>) {
  await sql`
    ALTER TABLE tweets ADD COLUMN photos VARCHAR(1000) CHARACTER SET ascii NOT NULL DEFAULT '[]'
  `.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await db.schema.alterTable('tweets').dropColumn('photos').execute();
}
