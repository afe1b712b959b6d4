import type { Transaction } from 'kysely';
import type { Database } from '../database.ts';

/** Locks a user's profile until the transaction ends, and returns its avatar; undefined if gone. */
export async function lockAvatar(
  trx: Transaction<Database>,
  userId: string,
): Promise<{ avatar: string | null } | undefined> {
  const query = trx.selectFrom('profiles').select('avatar').where('user_id', '=', userId);
  return query.forUpdate().executeTakeFirst();
}

export async function updateAvatar(
  trx: Transaction<Database>,
  userId: string,
  avatar: string,
): Promise<void> {
  await trx.updateTable('profiles').set({ avatar }).where('user_id', '=', userId).execute();
}
