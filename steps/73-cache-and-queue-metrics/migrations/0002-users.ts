import { type Kysely, sql } from 'kysely';

/** Names and addresses are ASCII and compare without case, so the unique keys do too. */
export async function up(db: Kysely<unknown>) {
  await sql`
    CREATE TABLE users (
      id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
      username VARCHAR(20) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
      email VARCHAR(254) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
      password_hash VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
      UNIQUE KEY users_username_unique (username),
      UNIQUE KEY users_email_unique (email)
    )
  `.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await db.schema.dropTable('users').execute();
}
