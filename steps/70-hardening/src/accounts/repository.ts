import type { Insertable, Kysely, Selectable, Transaction } from 'kysely';
import type { Database, UsersTable } from '../database.ts';
import type { ProfileChange, User } from './schemas.ts';
import { toUser, USER_COLUMNS, type UserRow } from './user.ts';

/** Inserts a user with an empty profile and returns the new id. Throws what MySQL throws if a unique key refuses. */
export async function insertUser(
  trx: Transaction<Database>,
  user: Insertable<UsersTable>,
): Promise<string> {
  const { insertId } = await trx.insertInto('users').values(user).executeTakeFirstOrThrow();
  await trx
    .insertInto('profiles')
    .values({ user_id: String(insertId) })
    .execute();
  return String(insertId);
}

/** The user with this name (whatever its case) or this id, with the password's hash and the profile. */
export async function findUser(
  db: Kysely<Database>,
  column: 'username' | 'id',
  value: string,
): Promise<(Selectable<UsersTable> & UserRow) | undefined> {
  return db
    .selectFrom('users')
    .leftJoin('profiles', 'profiles.user_id', 'users.id')
    .selectAll('users')
    .select(USER_COLUMNS)
    .where(`users.${column}`, '=', value)
    .executeTakeFirst();
}

/** These users as everybody sees them, by id. */
export async function findUsers(db: Kysely<Database>, ids: string[]): Promise<Map<string, User>> {
  const users = db.selectFrom('users').leftJoin('profiles', 'profiles.user_id', 'users.id');
  const rows = await users.select(USER_COLUMNS).where('users.id', 'in', ids).execute();
  return new Map(rows.map((row) => [row.user_id, toUser(row)]));
}

/** Changes the profile of a user, if there is one. */
export async function updateProfile(
  db: Kysely<Database>,
  userId: string,
  change: ProfileChange,
): Promise<void> {
  await db.updateTable('profiles').set(change).where('user_id', '=', userId).execute();
}

/** Locks a user's row until the transaction ends, and returns whether there is one. */
export async function lockUser(trx: Transaction<Database>, id: string): Promise<boolean> {
  const query = trx.selectFrom('users').select('id').where('id', '=', id).forUpdate();
  return (await query.executeTakeFirst()) !== undefined;
}
