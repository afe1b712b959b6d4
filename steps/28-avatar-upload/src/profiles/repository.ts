import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';

export async function updateAvatar(
  db: Kysely<Database>,
  userId: string,
  avatar: string,
): Promise<void> {
  await db.updateTable('profiles').set({ avatar }).where('user_id', '=', userId).execute();
}
