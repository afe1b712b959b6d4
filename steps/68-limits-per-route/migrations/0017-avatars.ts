import { type Kysely, sql } from 'kysely';

/** The name of the file in the storage. Null: no avatar. */
export async function up(db: Kysely<unknown>) {
  await sql`
    ALTER TABLE profiles ADD COLUMN avatar VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NULL
  `.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await db.schema.alterTable('profiles').dropColumn('avatar').execute();
}
