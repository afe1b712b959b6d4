import Type, { type Static } from 'typebox';
import { UserSchema } from '../accounts/schemas.ts';
import { IdSchema, PAGING } from '../schemas.ts';

/** The rule of 280 is the service's: JSON Schema counts code points, not characters. */
export const NewTweetSchema = Type.Object({ content: Type.String({ maxLength: 2800 }) });

/** A tweet is JSON, or a form if it brings photos along; the form is read by the handler. */
export const NewTweetBody = {
  content: {
    'application/json': { schema: NewTweetSchema },
    'multipart/form-data': { schema: {} },
  },
};

export const TweetSchema = Type.Object({
  id: Type.String(),
  content: Type.String(),
  createdAt: Type.String({ format: 'date-time' }),
  user: UserSchema,
  photos: Type.Array(Type.Object({ url: Type.String() })),
});
export type Tweet = Static<typeof TweetSchema>;

/**
 * How often something was done with a tweet. No part of it: that never changes, these do, and
 * their version goes up with every change.
 */
export interface Counts {
  id: string;
  version: number;
  commentsCount: number;
  likesCount: number;
}

export const TimelineQuerySchema = Type.Object({ userId: IdSchema, ...PAGING });
