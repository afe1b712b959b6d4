import multipart from '@fastify/multipart';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { CommentService } from '../comments/service.ts';
import {
  TweetListSchema,
  TweetViewSchema,
  TweetWithCommentsSchema,
} from '../engagement/schemas.ts';
import type { EngagementService } from '../engagement/service.ts';
import { perMinute, perSecond } from '../plugins/limits.ts';
import { IdParamsSchema, NoContentSchema } from '../schemas.ts';
import { readTweetForm } from './form.ts';
import { NewTweetBody, TimelineQuerySchema } from './schemas.ts';
import type { TweetService } from './service.ts';

interface TweetRoutesOptions {
  tweets: TweetService;
  comments: CommentService;
  engagement: EngagementService;
}

export const tweetRoutes: FastifyPluginAsyncTypebox<TweetRoutesOptions> = async (
  app,
  { tweets, comments, engagement },
) => {
  await app.register(multipart, { limits: { fileSize: 5 * 2 ** 20, files: 9, fields: 1 } });

  app.post<{ Body: { content: string } }>(
    '',
    {
      onRequest: app.authenticate,
      config: { limits: [perSecond(1), perMinute(5)] },
      schema: { summary: 'Post a tweet', body: NewTweetBody, response: { 201: TweetViewSchema } },
    },
    async (request, reply) => {
      // Only JSON is checked by now. Whatever else it says: photos come as files only.
      const isJson = request.mediaType === 'application/json';
      const sent = isJson ? { ...request.body, photos: [] } : await readTweetForm(request);
      const tweet = await tweets.post(request.user.id, sent.content, sent.photos);
      return reply.code(201).send(await engagement.ofTweet(tweet, request.user.id));
    },
  );

  app.get(
    '/:id',
    {
      onRequest: app.identify,
      schema: {
        summary: 'One tweet with its first comments',
        params: IdParamsSchema,
        response: { 200: TweetWithCommentsSchema },
      },
    },
    async ({ params: { id }, viewerId }) => ({
      ...(await engagement.ofTweet(await tweets.get(id), viewerId)),
      comments: await engagement.ofComments(await comments.firstOn(id), viewerId),
    }),
  );

  app.get(
    '',
    {
      onRequest: app.identify,
      schema: {
        summary: 'The tweets of a user, newest first',
        querystring: TimelineQuerySchema,
        response: { 200: TweetListSchema },
      },
    },
    async ({ query, viewerId }) =>
      app.page(`tweets of ${query.userId}`, query, async (range) => {
        const { items, ...places } = await tweets.timeline(query.userId, range);
        return { items: await engagement.ofTweets(items, viewerId), ...places };
      }),
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
