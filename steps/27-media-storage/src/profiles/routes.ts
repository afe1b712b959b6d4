import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { AccountSchema, ProfileChangeSchema } from '../accounts/schemas.ts';
import type { AccountService } from '../accounts/service.ts';

export const profileRoutes: FastifyPluginAsyncTypebox<{ accounts: AccountService }> = async (
  app,
  { accounts },
) => {
  app.patch(
    '/me',
    {
      onRequest: app.authenticate,
      schema: {
        summary: 'Change your profile',
        body: ProfileChangeSchema,
        response: { 200: AccountSchema },
      },
    },
    async ({ user, body }) => accounts.changeProfile(user.id, body),
  );
};
