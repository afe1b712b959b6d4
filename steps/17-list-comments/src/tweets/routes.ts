import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { IdParamsSchema, NoContentSchema } from '../schemas.ts';
import { NewTweetSchema, TimelineQuerySchema, TweetListSchema, TweetSchema } from './schemas.ts';
import type { TweetService } from './service.ts';

export const tweetRoutes: FastifyPluginAsyncTypebox<{ tweets: TweetService }> = async (
  app,
  { tweets },
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
    { schema: { summary: 'One tweet', params: IdParamsSchema, response: { 200: TweetSchema } } },
    async ({ params }) => tweets.get(params.id),
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
