import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { UserIdParamsSchema } from '../schemas.ts';
import { ChangedSchema } from './schemas.ts';
import type { FriendshipService } from './service.ts';

export const friendshipRoutes: FastifyPluginAsyncTypebox<{
  friendships: FriendshipService;
}> = async (app, { friendships }) => {
  const schema = { params: UserIdParamsSchema, response: { 200: ChangedSchema } };

  app.post(
    '/:userId/follow',
    { onRequest: app.authenticate, schema: { ...schema, summary: 'Follow a user' } },
    async ({ user, params }) => ({ changed: await friendships.follow(user.id, params.userId) }),
  );

  app.post(
    '/:userId/unfollow',
    { onRequest: app.authenticate, schema: { ...schema, summary: 'Unfollow a user' } },
    async ({ user, params }) => ({ changed: await friendships.unfollow(user.id, params.userId) }),
  );
};
