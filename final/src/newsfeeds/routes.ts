import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { TweetListSchema } from '../engagement/schemas.ts';
import type { EngagementService } from '../engagement/service.ts';
import { perSecond } from '../plugins/limits.ts';
import { PagingSchema } from '../schemas.ts';
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
      config: { limits: [perSecond(5)] },
      schema: {
        summary: 'The tweets for you, newest first',
        querystring: PagingSchema,
        response: { 200: TweetListSchema },
      },
    },
    async ({ user, query }) =>
      app.page(`newsfeed of ${user.id}`, query, async (range) => {
        const wanted = await engagement.wanted(user.id);
        const { beside, ...slice } = await newsfeeds.tweetIds(user.id, range, wanted);
        const items = await tweets.getMany(slice.items);
        return { ...slice, items: await engagement.ofTweets(items, user.id, beside) };
      }),
  );
};
