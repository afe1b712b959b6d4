import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { perSecond } from '../plugins/limits.ts';
import { ChangedSchema, PagingSchema, UserIdParamsSchema } from '../schemas.ts';
import { FriendListSchema } from './schemas.ts';
import type { FriendshipService } from './service.ts';

export const friendshipRoutes: FastifyPluginAsyncTypebox<{
  friendships: FriendshipService;
}> = async (app, { friendships }) => {
  const schema = { params: UserIdParamsSchema, response: { 200: ChangedSchema } };
  const config = { limits: [perSecond(10)] };

  app.post(
    '/:userId/follow',
    { onRequest: app.authenticate, config, schema: { ...schema, summary: 'Follow a user' } },
    async ({ user, params }) => ({ changed: await friendships.follow(user.id, params.userId) }),
  );

  app.post(
    '/:userId/unfollow',
    { onRequest: app.authenticate, config, schema: { ...schema, summary: 'Unfollow a user' } },
    async ({ user, params }) => ({ changed: await friendships.unfollow(user.id, params.userId) }),
  );

  const listSchema = {
    params: UserIdParamsSchema,
    querystring: PagingSchema,
    response: { 200: FriendListSchema },
  };

  app.get(
    '/:userId/followers',
    { onRequest: app.identify, schema: { ...listSchema, summary: 'Who follows a user' } },
    async ({ viewerId, params, query }) =>
      app.page(`followers of ${params.userId}`, query, (range) =>
        friendships.followers(params.userId, range, viewerId),
      ),
  );

  app.get(
    '/:userId/followings',
    { onRequest: app.identify, schema: { ...listSchema, summary: 'Whom a user follows' } },
    async ({ viewerId, params, query }) =>
      app.page(`followings of ${params.userId}`, query, (range) =>
        friendships.followings(params.userId, range, viewerId),
      ),
  );
};
