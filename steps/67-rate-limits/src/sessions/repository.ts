import type { Kysely } from 'kysely';
import type { Database, SessionsTable } from '../database.ts';

export async function insertSession(db: Kysely<Database>, session: SessionsTable): Promise<void> {
  await db.insertInto('sessions').values(session).execute();
}

/**
 * Replaces a session's token in one statement, so that of two who bring the same token one wins.
 *
 * @returns whether there was an open session whose newest token has `oldHash`.
 */
export async function rotateToken(
  db: Kysely<Database>,
  session: SessionsTable,
  oldHash: Buffer,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('sessions')
    .set(session)
    .where('id', '=', session.id)
    .where('token_hash', '=', oldHash)
    .where('expires_at', '>', new Date())
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

export async function deleteSession(db: Kysely<Database>, id: string): Promise<void> {
  await db.deleteFrom('sessions').where('id', '=', id).execute();
}
