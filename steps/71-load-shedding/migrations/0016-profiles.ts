import { type Kysely, sql } from 'kysely';

/** One profile a user: the primary key is the user's. Whoever signed up before this gets theirs. */
export async function up(db: Kysely<unknown>) {
  await sql`
    CREATE TABLE profiles (
      user_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
      nickname VARCHAR(300) NULL
    )
  `.execute(db);
  await sql`INSERT INTO profiles (user_id) SELECT id FROM users`.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await db.schema.dropTable('profiles').execute();
}
