import type { Insertable, Kysely, Selectable, Transaction } from 'kysely';
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

/** Locks a user's row until the transaction ends, and returns whether there is one. */
export async function lockUser(trx: Transaction<Database>, id: string): Promise<boolean> {
  const query = trx.selectFrom('users').select('id').where('id', '=', id).forUpdate();
  return (await query.executeTakeFirst()) !== undefined;
}
