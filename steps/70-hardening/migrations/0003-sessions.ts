import { type Kysely, sql } from 'kysely';

/** One row a login, not one a refresh: a session knows only the hash of its newest token. */
export async function up(db: Kysely<unknown>) {
  await sql`
    CREATE TABLE sessions (
      id CHAR(22) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
      user_id BIGINT UNSIGNED NOT NULL,
      token_hash BINARY(32) NOT NULL,
      expires_at DATETIME(6) NOT NULL
    )
  `.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await db.schema.dropTable('sessions').execute();
}
