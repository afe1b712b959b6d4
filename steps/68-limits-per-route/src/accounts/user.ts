import type { User } from './schemas.ts';

/**
 * How a user is shown, for every statement that shows one: it joins `users`, left-joins `profiles`
 * on `profiles.user_id = users.id`, selects these columns, and gives its rows to `toUser`. So a
 * list of people costs no more statements than a list without them.
 */
export const USER_COLUMNS = [
  // `id` is that of the row which shows the user.
  'users.id as user_id',
  'users.username',
  'profiles.nickname',
  'profiles.avatar',
] as const;

export interface UserRow {
  user_id: string;
  username: string;
  nickname: string | null;
  avatar: string | null;
}

/** The user whom these columns show. */
export function toUser({ user_id, username, nickname, avatar }: UserRow): User {
  return { id: user_id, username, nickname, avatarUrl: avatar && `/api/media/${avatar}` };
}
