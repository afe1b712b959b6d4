import { type Kysely, sql } from 'kysely';

/** Every table made from here on stores any character, whatever the server's own default is. */
export async function up(db: Kysely<unknown>) {
  await sql`ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`.execute(db);
}

/** There is nothing to go back to: a server's default is no choice of ours. */
export async function down() {}
