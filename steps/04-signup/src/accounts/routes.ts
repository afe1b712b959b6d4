import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { AccountSchema, SignupSchema } from './schemas.ts';
import type { AccountService } from './service.ts';

export const accountRoutes: FastifyPluginAsyncTypebox<{ accounts: AccountService }> = async (
  app,
  { accounts },
) => {
  app.post(
    '/signup',
    { schema: { body: SignupSchema, response: { 201: AccountSchema } } },
    async ({ body }, reply) => reply.code(201).send(await accounts.signUp(body)),
  );
};
