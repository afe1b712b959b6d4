import { type Kysely, sql } from 'kysely';

/** For both lists: `WHERE from_user_id = ? ORDER BY created_at DESC, to_user_id DESC`, and its mirror. */
export async function up(db: Kysely<unknown>) {
  await sql`
    ALTER TABLE friendships
      ADD KEY friendships_from_time (from_user_id, created_at, to_user_id),
      ADD KEY friendships_to_time (to_user_id, created_at, from_user_id)
  `.execute(db);
}

export async function down(db: Kysely<unknown>) {
  await sql`
    ALTER TABLE friendships DROP KEY friendships_from_time, DROP KEY friendships_to_time
  `.execute(db);
}
