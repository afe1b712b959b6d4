import type { Insertable, Kysely, Selectable } from 'kysely';
import type { Database, UsersTable } from '../database.ts';

/** Inserts a user and returns the new id. Throws what MySQL throws if a unique key refuses. */
export async function insertUser(
  db: Kysely<Database>,
  user: Insertable<UsersTable>,
): Promise<string> {
  const { insertId } = await db.insertInto('users').values(user).executeTakeFirstOrThrow();
  return String(insertId);
}

/** The user with this name (whatever its case) or this id, with the password's hash. */
export async function findUser(
  db: Kysely<Database>,
  column: 'username' | 'id',
  value: string,
): Promise<Selectable<UsersTable> | undefined> {
  return db.selectFrom('users').selectAll().where(column, '=', value).executeTakeFirst();
}
