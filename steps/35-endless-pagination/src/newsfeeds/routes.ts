import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { TweetListSchema } from '../engagement/schemas.ts';
import type { EngagementService } from '../engagement/service.ts';
import type { TweetService } from '../tweets/service.ts';
import type { NewsfeedService } from './service.ts';

interface NewsfeedRoutesOptions {
  newsfeeds: NewsfeedService;
  tweets: TweetService;
  engagement: EngagementService;
}

export const newsfeedRoutes: FastifyPluginAsyncTypebox<NewsfeedRoutesOptions> = async (
  app,
  { newsfeeds, tweets, engagement },
) => {
  app.get(
    '',
    {
      onRequest: app.authenticate,
      schema: { summary: 'The newest tweets for you', response: { 200: TweetListSchema } },
    },
    async ({ user }) => {
      const items = await tweets.getMany(await newsfeeds.tweetIds(user.id));
      return { items: await engagement.ofTweets(items, user.id) };
    },
  );
};
