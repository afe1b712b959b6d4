import type { Insertable, Kysely } from 'kysely';
import type { Database, UsersTable } from '../database.ts';

/** Inserts a user and returns the new id. Throws what MySQL throws if a unique key refuses. */
export async function insertUser(
  db: Kysely<Database>,
  user: Insertable<UsersTable>,
): Promise<string> {
  const { insertId } = await db.insertInto('users').values(user).executeTakeFirstOrThrow();
  return String(insertId);
}
