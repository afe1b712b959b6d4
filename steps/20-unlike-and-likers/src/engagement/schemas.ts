import Type, { type Static } from 'typebox';
import { CommentSchema } from '../comments/schemas.ts';
import { TweetSchema } from '../tweets/schemas.ts';

/** A tweet with what people did with it. */
export const TweetViewSchema = Type.Object({
  ...TweetSchema.properties,
  commentsCount: Type.Integer(),
});
export type TweetView = Static<typeof TweetViewSchema>;

export const TweetListSchema = Type.Object({ items: Type.Array(TweetViewSchema) });

/** A tweet on a page of its own. */
export const TweetWithCommentsSchema = Type.Object({
  ...TweetViewSchema.properties,
  comments: Type.Array(CommentSchema, { description: 'The oldest 20, oldest first' }),
});
