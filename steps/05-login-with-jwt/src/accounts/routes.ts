import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { AccountSchema, LoginSchema, SignupSchema, TokensSchema } from './schemas.ts';
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

  app.post(
    '/login',
    { schema: { body: LoginSchema, response: { 200: TokensSchema } } },
    async ({ body }) => {
      const { id } = await accounts.logIn(body);
      return { accessToken: app.jwt.sign({ sub: id }) };
    },
  );

  app.get(
    '/me',
    { onRequest: app.authenticate, schema: { response: { 200: AccountSchema } } },
    async ({ user }) => accounts.get(user.id),
  );
};
