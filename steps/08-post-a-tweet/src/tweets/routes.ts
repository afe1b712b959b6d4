import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { IdParamsSchema } from '../schemas.ts';
import { NewTweetSchema, TweetSchema } from './schemas.ts';
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
};
