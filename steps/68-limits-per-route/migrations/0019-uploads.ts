import { type Kysely, sql } from 'kysely';

/** Where somebody may put an object until then. The key is for `WHERE expires_at < ?`. */
export async function up(db: Kysely<unknown>) {
  await sql`
    CREATE TABLE uploads (
      id CHAR(22) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
      user_id BIGINT UNSIGNED NOT NULL,
      size INT UNSIGNED NOT NULL,
      expires_at DATETIME(6) NOT NULL,
      KEY uploads_expires (expires_at)
    )
  `.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await db.schema.dropTable('uploads').execute();
}
