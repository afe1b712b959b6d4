import Type, { type Static } from 'typebox';
import { UserSchema } from '../accounts/schemas.ts';
import { IdSchema, PAGING } from '../schemas.ts';
import { NewTweetSchema } from '../tweets/schemas.ts';

export const NewCommentSchema = Type.Object({ tweetId: IdSchema, ...NewTweetSchema.properties });
/** Only the text can change: whatever else a request carries is not read. */
export const CommentEditSchema = NewTweetSchema;
export type NewComment = Static<typeof NewCommentSchema>;

export const CommentSchema = Type.Object({
  id: Type.String(),
  tweetId: Type.String(),
  content: Type.String(),
  createdAt: Type.String({ format: 'date-time' }),
  user: UserSchema,
});
export type Comment = Static<typeof CommentSchema>;

export const CommentsQuerySchema = Type.Object({ tweetId: IdSchema, ...PAGING });
