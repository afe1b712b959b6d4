import Type, { type Static } from 'typebox';
import { UserSchema } from '../accounts/schemas.ts';

/** Whether the request changed anything: the second of two equal requests did not. */
export const ChangedSchema = Type.Object({ changed: Type.Boolean() });

/** One end of a friendship, as somebody looks at it. */
export const FriendSchema = Type.Object({
  user: UserSchema,
  createdAt: Type.String({ format: 'date-time', description: 'Since when' }),
  hasFollowed: Type.Boolean({ description: 'Whether whoever is looking follows this user' }),
});
export type Friend = Static<typeof FriendSchema>;

export const FriendListSchema = Type.Object({ items: Type.Array(FriendSchema) });
