import Type, { type Static } from 'typebox';
import { UserSchema } from '../accounts/schemas.ts';
import { pageOf } from '../schemas.ts';

/** One end of a friendship, as somebody looks at it. */
export const FriendSchema = Type.Object({
  user: UserSchema,
  createdAt: Type.String({ format: 'date-time', description: 'Since when' }),
  hasFollowed: Type.Boolean({ description: 'Whether whoever is looking follows this user' }),
});
export type Friend = Static<typeof FriendSchema>;

export const FriendListSchema = pageOf(FriendSchema);
