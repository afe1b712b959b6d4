import { type Kysely, sql } from 'kysely';

const LIKED = { tweet: sql.table('tweets'), comment: sql.table('comments') };

/** How many likes tweets and comments have, beside them. Those that are there are counted here. */
export async function up(db: Kysely<unknown>) {
  for (const [type, things] of Object.entries(LIKED)) {
    await sql`ALTER TABLE ${things} ADD COLUMN likes_count INT NOT NULL DEFAULT 0`.execute(db);
    // In batches, as 0020 does it; a migration is never edited again, so it shares no code.
    const after = (id = '0') =>
      sql<{ id: string }>`SELECT id FROM ${things} WHERE id > ${id} ORDER BY id LIMIT 1000`;
    let { rows } = await after().execute(db);
    for (; rows.length > 0; { rows } = await after(rows.at(-1)?.id).execute(db)) {
      await sql`
        UPDATE ${things} SET likes_count = (SELECT COUNT(*) FROM likes
          WHERE subject_type = ${type} AND subject_id = ${things}.id)
        WHERE id BETWEEN ${rows[0]?.id} AND ${rows.at(-1)?.id}
      `.execute(db);
    }
  }
}

export async function down(db: Kysely<unknown>) {
  for (const things of Object.values(LIKED)) {
    await sql`ALTER TABLE ${things} DROP COLUMN likes_count`.execute(db);
  }
}
