import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { TweetWithCommentsSchema } from '../comments/schemas.ts';
import type { CommentService } from '../comments/service.ts';
import { IdParamsSchema, NoContentSchema } from '../schemas.ts';
import { NewTweetSchema, TimelineQuerySchema, TweetListSchema, TweetSchema } from './schemas.ts';
import type { TweetService } from './service.ts';

interface TweetRoutesOptions {
  tweets: TweetService;
  comments: CommentService;
}

export const tweetRoutes: FastifyPluginAsyncTypebox<TweetRoutesOptions> = async (
  app,
  { tweets, comments },
) => {
  app.post(
    '',
    {
      onRequest: app.authenticate,
      schema: { summary: 'Post a tweet', body: NewTweetSchema, response: { 201: TweetSchema } },
    },
    async ({ user, body }, reply) => reply.code(201).send(await tweets.post(user.id, body.content)),
  );

  app.get(
    '/:id',
    {
      schema: {
        summary: 'One tweet with its first comments',
        params: IdParamsSchema,
        response: { 200: TweetWithCommentsSchema },
      },
    },
    async ({ params: { id } }) => ({
      ...(await tweets.get(id)),
      comments: await comments.firstOn(id),
    }),
  );

  app.get(
    '',
    {
      schema: {
        summary: 'The newest tweets of a user',
        querystring: TimelineQuerySchema,
        response: { 200: TweetListSchema },
      },
    },
    async ({ query }) => ({ items: await tweets.timeline(query.userId) }),
  );

  app.delete(
    '/:id',
    {
      onRequest: app.authenticate,
      schema: {
        summary: 'Delete a tweet',
        params: IdParamsSchema,
        response: { 204: NoContentSchema },
      },
    },
    async ({ user, params }, reply) =>
      reply.code(204).send(await tweets.delete(user.id, params.id)),
  );
};
