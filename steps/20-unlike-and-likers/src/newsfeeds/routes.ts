import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { TweetListSchema } from '../tweets/schemas.ts';
import type { TweetService } from '../tweets/service.ts';
import type { NewsfeedService } from './service.ts';

interface NewsfeedRoutesOptions {
  newsfeeds: NewsfeedService;
  tweets: TweetService;
}

export const newsfeedRoutes: FastifyPluginAsyncTypebox<NewsfeedRoutesOptions> = async (
  app,
  { newsfeeds, tweets },
) => {
  app.get(
    '',
    {
      onRequest: app.authenticate,
      schema: { summary: 'The newest tweets for you', response: { 200: TweetListSchema } },
    },
    async ({ user }) => ({ items: await tweets.getMany(await newsfeeds.tweetIds(user.id)) }),
  );
};
