import Type, { type Static } from 'typebox';
import { UserSchema } from '../accounts/schemas.ts';

/** One end of a friendship, as somebody looks at it. */
export const FriendSchema = Type.Object({
  user: UserSchema,
  createdAt: Type.String({ format: 'date-time', description: 'Since when' }),
  hasFollowed: Type.Boolean({ description: 'Whether whoever is looking follows this user' }),
});
export type Friend = Static<typeof FriendSchema>;

export const FriendListSchema = Type.Object({ items: Type.Array(FriendSchema) });

export const PageQuerySchema = Type.Object({
  page: Type.Optional(Type.Integer({ minimum: 1, default: 1 })),
  pageSize: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
});
export type PageQuery = Static<typeof PageQuerySchema>;
