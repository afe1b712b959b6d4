import { type Kysely, sql } from 'kysely';

/** 280 characters as a person counts them may be several code points each: hence 2,800. */
export async function up(db: Kysely<unknown>) {
  await sql`
    CREATE TABLE tweets (
      id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
      user_id BIGINT UNSIGNED NOT NULL,
      content VARCHAR(2800) NOT NULL,
      created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
    )
  `.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await db.schema.dropTable('tweets').execute();
}
