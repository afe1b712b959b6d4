import Type, { type Static } from 'typebox';
import { CommentSchema } from '../comments/schemas.ts';
import { pageOf } from '../schemas.ts';
import { TweetSchema } from '../tweets/schemas.ts';

const LikesSchema = Type.Object({ likesCount: Type.Integer(), hasLiked: Type.Boolean() });

/** A comment with what people did with it. */
export const CommentViewSchema = Type.Object({
  ...CommentSchema.properties,
  ...LikesSchema.properties,
});
export type CommentView = Static<typeof CommentViewSchema>;

export const CommentListSchema = pageOf(CommentViewSchema);

/** A tweet with what people did with it. */
export const TweetViewSchema = Type.Object({
  ...TweetSchema.properties,
  commentsCount: Type.Integer(),
  ...LikesSchema.properties,
});
export type TweetView = Static<typeof TweetViewSchema>;

export const TweetListSchema = pageOf(TweetViewSchema);

/** A tweet on a page of its own. */
export const TweetWithCommentsSchema = Type.Object({
  ...TweetViewSchema.properties,
  comments: Type.Array(CommentViewSchema, { description: 'The oldest 20, oldest first' }),
});
